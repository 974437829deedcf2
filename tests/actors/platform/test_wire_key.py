"""The wire key: made once, private, and refused with a reason."""

import base64
import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from actors.wire_key import WireKeyError, load_or_create_wire_key, wire_key_id


def test_the_first_start_makes_a_private_key_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "wire.key"
    key = load_or_create_wire_key(path, {})
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_wire_key(path, {}) == key
    assert [each.name for each in tmp_path.iterdir()] == ["wire.key"]


def test_two_folders_get_different_keys(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (load_or_create_wire_key(tmp_path / name / "key", {}) for name in "ab")
    assert one != other
    assert wire_key_id(one) != wire_key_id(other)


def test_first_starts_at_the_same_moment_agree(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from actors.wire_key import load_or_create_wire_key;"
        "sys.stdin.readline(); print(load_or_create_wire_key(Path(sys.argv[1]), {}).hex())"
    )
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "key")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        )
        for _ in range(4)
    ]
    for each in starts:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()
    assert len({each.communicate(timeout=60)[0] for each in starts}) == 1


@pytest.mark.parametrize(
    "encode", [bytes.hex, lambda key: base64.b64encode(key).decode()], ids=["hex", "base64"]
)
def test_the_environment_overrides_the_file(tmp_path: Path, encode: object) -> None:
    key = secrets.token_bytes(32)
    text = encode(key)  # type: ignore[operator]
    assert load_or_create_wire_key(tmp_path / "key", {"SAMBUNG_WIRE_KEY": f" {text}\n"}) == key
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("zz" * 32, "holds 48 bytes"),
        ("not base64!", "neither"),
        ("00" * 31, "holds 31 bytes"),
        ("QUJD", "holds 3 bytes"),
    ],
)
def test_a_wrong_key_in_the_environment_is_refused_without_showing_it(
    tmp_path: Path, text: str, expected: str
) -> None:
    with pytest.raises(WireKeyError, match=expected) as caught:
        load_or_create_wire_key(tmp_path / "key", {"SAMBUNG_WIRE_KEY": text})
    assert "SAMBUNG_WIRE_KEY" in str(caught.value)
    assert text not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777], ids=oct)
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    load_or_create_wire_key(path, {})
    path.chmod(mode)
    with pytest.raises(WireKeyError, match=f"{mode:04o} lets others use it; do: chmod 600 {path}"):
        load_or_create_wire_key(path, {})


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_file_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(bytes(size))
    path.chmod(0o600)
    with pytest.raises(WireKeyError, match=f"holds {size} bytes, needed are 32"):
        load_or_create_wire_key(path, {})
    assert path.stat().st_size == size, "it is never replaced"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    load_or_create_wire_key(path, {})
    os.chown(path, 12345, -1)
    with pytest.raises(WireKeyError, match="belongs to another user"):
        load_or_create_wire_key(path, {})


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "key"
    with pytest.raises(WireKeyError, match=f"{path}: can't be made: No such file"):
        load_or_create_wire_key(path, {})


def test_a_folder_in_the_files_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(WireKeyError, match="can't be read"):
        load_or_create_wire_key(tmp_path, {})


def test_the_public_name_is_short_and_stable() -> None:
    assert wire_key_id(bytes(32)) == wire_key_id(bytes(32))
    assert len(wire_key_id(bytes(32))) == 12
