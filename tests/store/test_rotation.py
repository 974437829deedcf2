"""Rotation: names, limits, crashes between any two steps, and several processes that go on writing meanwhile."""

import fcntl
import gzip
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store import logs, rotation
from store.logs import rotate

NOW = 1_795_446_904.0
MIB = 1024 * 1024


def content(folder: Path, name: str) -> bytes:
    """Everything ever written to a log, oldest first. An archive counts, not the file that it was made from."""
    old: dict[int, bytes] = {}
    for file in sorted(folder.glob(f"{name}.*")):
        if file.suffix != ".part":
            data = file.read_bytes()
            old[int(file.name.split(".")[2])] = gzip.decompress(data) if file.suffix == ".gz" else data
    current = folder / name
    return b"".join(old[n] for n in sorted(old, reverse=True)) + (
        current.read_bytes() if current.exists() else b""
    )


def test_a_log_below_the_limit_stays(folder: Path) -> None:
    logs.log_event("x.y", "text")
    assert rotate(folder, 1, 3, NOW) == []
    assert sorted(file.name for file in folder.iterdir()) == ["events.jsonl", "sambung.log"]


def test_a_folder_without_logs_is_fine(tmp_path: Path) -> None:
    assert rotate(tmp_path, 1, 3, NOW) == []
    assert rotate(tmp_path / "missing", 1, 3, NOW) == []


@pytest.mark.parametrize("name", rotation.LOGS)
def test_a_full_log_becomes_number_one_and_the_oldest_goes(tmp_path: Path, name: str) -> None:
    for round_number in range(6):
        (tmp_path / name).write_bytes(b"%d\n" % round_number * MIB)
        assert rotate(tmp_path, 1, 3, NOW) == [name]
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{name}.{n}.gz" for n in (1, 2, 3)]
    assert [gzip.decompress((tmp_path / f"{name}.{n}.gz").read_bytes())[:1] for n in (1, 2, 3)] == [
        b"5",
        b"4",
        b"3",
    ]
    assert (tmp_path / f"{name}.1.gz").stat().st_mode & 0o777 == 0o600


def test_a_lower_number_of_kept_files_removes_what_is_beyond(tmp_path: Path) -> None:
    for round_number in range(6):
        (tmp_path / "sambung.log").write_bytes(b"%d" % round_number)
        rotate(tmp_path, 0, 9, NOW)
    (tmp_path / "sambung.log.old.gz").write_bytes(b"the operator's")
    (tmp_path / "sambung.log").write_bytes(b"6")
    rotate(tmp_path, 0, 2, NOW)
    kept = sorted(file.name for file in tmp_path.iterdir())
    assert kept == ["sambung.log.1.gz", "sambung.log.2.gz", "sambung.log.old.gz"]


def test_old_files_do_not_match_what_operators_grep(folder: Path) -> None:
    logs.log_event("x.y", "🔴")
    rotate(folder, 0, 3, NOW)
    logs.log_event("x.y", "🔴")
    assert sorted(file.name for file in folder.glob("*.log")) == ["sambung.log"]


def test_a_process_goes_on_in_the_new_file(folder: Path) -> None:
    logs.log_event("x.y", "first")
    assert sorted(rotate(folder, 0, 3, NOW)) == ["events.jsonl", "sambung.log"]
    logs.log_event("x.y", "second")
    assert (folder / "sambung.log").read_text().count("second") == 1
    assert (folder / "sambung.log").read_text().count("first") == 0
    assert content(folder, "sambung.log").decode().count("\n") == 2


def test_a_file_moved_or_removed_by_others_is_followed_too(folder: Path) -> None:
    logs.log_event("x.y", "first")
    os.rename(folder / "sambung.log", folder / "elsewhere")
    logs.log_event("x.y", "second")
    (folder / "sambung.log").unlink()
    logs.log_event("x.y", "third")
    assert (folder / "sambung.log").read_text().endswith("INFO third\n")


class Crashed(BaseException):
    """The process ended here."""


STEPS = ((os, "replace"), (os, "rename"), (os, "fsync"), (Path, "unlink"), (shutil, "copyfileobj"))


def crashing_before(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the step with this number, counted over all kinds, end the process instead of happening."""
    count = [0]

    def stop(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            count[0] += 1
            if count[0] == step:
                raise Crashed
            return original(*args, **named)

        return call

    for owner, name in STEPS:
        monkeypatch.setattr(owner, name, stop(getattr(owner, name)))


def test_a_crash_before_any_step_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crashes = 0
    for step in range(1, 30):
        folder = tmp_path / str(step)
        folder.mkdir()
        log = folder / "sambung.log"
        parts = [b"%d " % number * 1000 for number in range(4)]
        for number, part in enumerate(parts):
            log.write_bytes(part)
            with monkeypatch.context() as patch:
                crashing_before(patch, step if number == 2 else 0)
                try:
                    rotate(folder, 0, 9, NOW)
                except Crashed:
                    crashes += 1
            assert content(folder, "sambung.log") == b"".join(parts[: number + 1]), f"step {step}"
            if log.exists():
                rotate(folder, 0, 9, NOW)
        assert content(folder, "sambung.log") == b"".join(parts), f"step {step}"
        assert sorted(file.suffix for file in folder.iterdir()) == [".gz"] * 4
    assert crashes >= 6


def test_a_half_written_archive_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "sambung.log.1").write_bytes(b"old lines\n")
    (tmp_path / "sambung.log.1.gz.part").write_bytes(b"half")
    rotate(tmp_path, 1, 3, NOW)
    assert [file.name for file in tmp_path.iterdir()] == ["sambung.log.1.gz"]
    assert gzip.decompress((tmp_path / "sambung.log.1.gz").read_bytes()) == b"old lines\n"


def test_a_writer_stopped_in_the_middle_of_a_line_postpones_the_rotation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "LOCK_WAIT_S", 0.05)
    path = tmp_path / "sambung.log"
    path.write_bytes(b"line\n")
    with path.open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_SH)
        assert rotate(tmp_path, 0, 3, NOW) == []
        assert path.read_bytes() == b"line\n"
    assert rotate(tmp_path, 0, 3, NOW) == ["sambung.log"]


def test_a_stopped_rotator_does_not_stop_the_writers(folder: Path) -> None:
    logs.log_event("x.y", "first")
    with (folder / "sambung.log").open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        logs.log_event("x.y", "second")
    assert (folder / "sambung.log").read_text().count("\n") == 2


def test_a_full_disk_leaves_the_log_as_it_was(small_disk: Path) -> None:
    noise = os.urandom(700_000)
    (small_disk / "sambung.log").write_bytes(noise)
    assert rotate(small_disk, 0, 3, NOW) == []
    assert content(small_disk, "sambung.log") == noise


def test_processes_that_write_while_one_rotates_lose_no_line(tmp_path: Path) -> None:
    count, names = 3000, ("a", "b", "c")
    script = Path(__file__).with_name("logging_writer.py")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    writers = [
        subprocess.Popen([sys.executable, str(script), str(tmp_path), name, str(count)], env=environment)
        for name in names
    ]
    rotations = 0
    while any(writer.poll() is None for writer in writers):
        rotations += len(rotate(tmp_path, 0, 100_000, NOW))
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    human = content(tmp_path, "sambung.log").decode().splitlines()
    found = Counter(line.split("] ")[1].split(" ")[0] for line in human)
    assert found == Counter(f"{name}-{number}" for name in names for number in range(count))
    events = [json.loads(line) for line in content(tmp_path, "events.jsonl").decode().splitlines()]
    assert Counter((event["instance_id"], event["number"]) for event in events) == Counter(
        (name, number) for name in names for number in range(count)
    )
    for name in names:
        assert [e["number"] for e in events if e["instance_id"] == name] == list(range(count))
    assert rotations > 10
