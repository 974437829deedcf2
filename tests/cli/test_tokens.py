"""Tokens on the folder of a server that does not run, and where an imported value comes from."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.client import Client
from cli.commands_tokens import value_from
from cli.failure import USAGE, CommandFailed
from cli.folder import Place, launcher_of
from cli.tokens import OfflineTokens, OnlineTokens, Wanted, tokens_of
from store.tokens import digest_of

OLD = "64f0c1d2e3b4a"


@pytest.fixture
def offline(tmp_path: Path) -> OfflineTokens:
    place = Place.choose(tmp_path / "data")
    place.data.create()
    return OfflineTokens(place)


def test_without_a_server_the_folder_is_written(offline: OfflineTokens, tmp_path: Path) -> None:
    assert isinstance(tokens_of(tmp_path / "data"), OfflineTokens)
    made = offline.create(Wanted("rescue", ["admin"], None, 60.0, 5))
    kept = offline.take_over(Wanted("old", ["read"], ["toko1"]), OLD)
    listed = {one["id"]: one for one in offline.list()}
    assert set(listed) == {made["id"], kept["id"]}
    assert listed[made["id"]]["requests_per_minute"] == 5 and listed[made["id"]]["expires_at"]
    assert listed[kept["id"]]["instances"] == ["toko1"]
    assert "value" not in kept and digest_of(OLD) not in str(listed)
    offline.revoke(kept["id"])
    assert [one["id"] for one in offline.list()] == [made["id"]]


def test_the_folder_is_free_again_afterwards(offline: OfflineTokens, tmp_path: Path) -> None:
    offline.create(Wanted("a", ["read"]))
    assert launcher_of(Place.choose(tmp_path / "data")) is None


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda one: one.create(Wanted("", ["read"])), "the name"),
        (lambda one: one.create(Wanted("x" * 101, ["read"])), "the name"),
        (lambda one: one.create(Wanted("x", ["all"])), "--scope"),
        (lambda one: one.create(Wanted("x", ["read"], ["../x"])), "--instance '../x': must be 1 to 64 of"),
        (lambda one: one.take_over(Wanted("x", ["read"], ["a"]), "short"), "at least 8"),
        (lambda one: one.take_over(Wanted("x", ["admin"], ["a"]), OLD), "admin"),
        (lambda one: one.take_over(Wanted("x", ["read"], []), OLD), "at least one instance"),
        (lambda one: one.revoke("none"), "there is no token 'none' (allowed: an id that `token list`"),
    ],
    ids=["no name", "long name", "scope", "instance", "short value", "admin", "no instance", "unknown"],
)
def test_what_is_refused(offline: OfflineTokens, refused: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(CommandFailed) as failure:
        refused(offline)
    assert words in failure.value.message
    assert offline.list() == []


@pytest.mark.parametrize("way", ["running", "offline"])
@pytest.mark.parametrize(
    ("scope", "importing", "said"),
    [
        ("bogus", False, "--scope must be one of read, operate, send, admin (got 'bogus')"),
        ("bogus", True, "--scope must be one of read, operate, send (got 'bogus')"),
        ("admin", True, "--scope must be one of read, operate, send (got 'admin')"),
    ],
)
def test_a_scope_that_cannot_be_is_named_whether_a_server_runs_or_not(
    offline: OfflineTokens, way: str, scope: str, importing: bool, said: str
) -> None:
    # Nobody listens there: an answer from anywhere else than the command line would be another.
    tokens = offline if way == "offline" else OnlineTokens(Client("http://127.0.0.1:1", None))
    wanted = Wanted("x", ["read", scope], ["toko1"])
    with pytest.raises(CommandFailed) as failure:
        _ = tokens.take_over(wanted, OLD) if importing else tokens.create(wanted)
    assert (failure.value.code, failure.value.message) == (USAGE, said)


def test_a_value_is_imported_once(offline: OfflineTokens) -> None:
    kept = offline.take_over(Wanted("old", ["read"], ["toko1"]), OLD)
    with pytest.raises(CommandFailed) as failure:
        offline.take_over(Wanted("again", ["read"], ["toko2"]), OLD)
    assert kept["id"] in failure.value.message and OLD not in failure.value.message


@pytest.mark.parametrize("text", [OLD, f"{OLD}\n", f"  {OLD}\r\n"])
def test_a_value_comes_from_a_file_or_stdin(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "value").write_text(text)
    assert value_from(tmp_path / "value") == OLD
    for file in (None, Path("-")):
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        assert value_from(file) == OLD


@pytest.mark.parametrize("text", ["", "\n", "two values", "a\nb"])
def test_what_is_not_one_value_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    with pytest.raises(CommandFailed, match="one value"):
        value_from(None)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="missing"):
        value_from(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(CommandFailed, match="binary"):
        value_from(tmp_path / "binary")
