"""DATA/cli-token: private, whole, new at each start."""

import stat
from pathlib import Path

import pytest

from core.records import Scope
from store.tokens import digest_of
from tests.web.fakes import FakeHistory, FakeRoot
from web import clitoken
from web.auth import Authenticator


def test_it_is_private_and_new_each_time(tmp_path: Path) -> None:
    path = tmp_path / "cli-token"
    digests, values = [], []
    for _ in range(3):
        digests.append(clitoken.renew(path))
        values.append(path.read_text().strip())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [digest_of(value) for value in values] == digests
    assert len(set(values)) == 3
    assert [one.name for one in tmp_path.iterdir()] == ["cli-token"]


def test_a_loose_file_in_its_place_is_replaced_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "cli-token"
    path.write_text("old")
    path.chmod(0o644)
    with path.open() as still_open:
        clitoken.renew(path)
        assert still_open.read() == "old"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_is_not_there_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="missing"):
        clitoken.renew(tmp_path / "missing" / "cli-token")
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_one_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "cli-token"
    clitoken.renew(path)
    old = path.read_text().strip()
    auth = Authenticator(FakeHistory(FakeRoot()), clitoken.renew(path))
    assert auth.principal(old, local=True) is None
    found = auth.principal(path.read_text().strip(), local=True)
    assert found is not None
    assert found.scopes == {Scope.ADMIN}
