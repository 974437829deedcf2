"""The instance file: written whole, believed only while its process lives."""

import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from actors.instance_file import InstanceRecord, SystemUnavailable, read_instance_file, write_instance_file
from actors.process import start_id


def record() -> InstanceRecord:
    own = start_id(os.getpid())
    assert own is not None
    return InstanceRecord(os.getpid(), own, "127.0.0.1", 1900, "1.0", "abc")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "actors.json"
    write_instance_file(path, record())
    assert read_instance_file(path, "1.0") == record()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_instance_file(path, replace(record(), port=1901))
    assert read_instance_file(path, "1.0").port == 1901
    assert [each.name for each in tmp_path.iterdir()] == ["actors.json"]


def test_another_build_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "actors.json"
    write_instance_file(path, record())
    with pytest.raises(
        SystemUnavailable, match=r"build 1\.0, this program is build 2\.0; restart the server"
    ):
        read_instance_file(path, "2.0")


def test_a_dead_process_is_no_system(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = start_id(child.pid)
    assert started is not None
    path = tmp_path / "actors.json"
    write_instance_file(path, replace(record(), pid=child.pid, start_id=started))
    assert read_instance_file(path, "1.0").pid == child.pid
    child.communicate(timeout=60)
    with pytest.raises(SystemUnavailable, match=f"{child.pid} is not running any more"):
        read_instance_file(path, "1.0")


def test_a_reused_pid_is_no_system(tmp_path: Path) -> None:
    path = tmp_path / "actors.json"
    write_instance_file(path, replace(record(), start_id="another boot:1"))
    with pytest.raises(SystemUnavailable, match="not running any more"):
        read_instance_file(path, "1.0")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "not there"),
        ("", "can't be read"),
        ("{", "can't be read"),
        ("[]", "not an instance file"),
        ("{}", "not an instance file"),
        (
            '{"pid": "1", "start_id": "", "bind": "", "port": 1, "build": "", "wire_key_id": ""}',
            "not an instance file",
        ),
    ],
)
def test_what_is_no_instance_file_is_refused(tmp_path: Path, content: str | None, expected: str) -> None:
    path = tmp_path / "actors.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemUnavailable, match=expected):
        read_instance_file(path, "1.0")


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemUnavailable, match="can't be read"):
        read_instance_file(tmp_path, "1.0")
