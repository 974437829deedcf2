"""Logging never hurts the caller: odd records, missing folders, full disks, forked children."""

import contextlib
import fcntl
import json
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from core.config import LogSettings
from store import logs
from store.logfile import AppendHandler

JAKARTA = LogSettings(timezone="Asia/Jakarta", level="DEBUG")


def only_ours(folder: Path) -> None:
    """Take out the handler that pytest adds to every logger when a test begins."""
    logs.setup_logging(folder, JAKARTA)


def human(folder: Path) -> str:
    return (folder / "sambung.log").read_text(encoding="utf-8")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def circle() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["self"] = made
    return made


@pytest.mark.parametrize(
    "log",
    [
        lambda: logs.logger().info("%d", "no number"),
        lambda: logs.logger().info("%s %s", "one"),
        lambda: logs.logger().info(Hostile()),
        lambda: logs.logger().info("%s", Hostile()),
        lambda: logs.log_event("x.y", "text", "INFO", None, bad=Hostile()),
        lambda: logs.log_event("x.y", "text", "INFO", None, bad=circle(), keys={(1, 2): 3, 5: 6}),
        lambda: logs.log_event(
            "x.y", "\ud800 lone", "INFO", None, bad="\ud800", raw=b"\xff", nan=float("nan")
        ),
        lambda: logs.log_event(None, None, None, None),  # type: ignore[arg-type]
        lambda: logs.log_event("x.y", "text", args=1, msg=2, name=3, exc_info=4, created=5),
    ],
    ids=["number", "too few", "message", "argument", "field", "no JSON", "surrogate", "nothing", "reserved"],
)
def test_no_record_hurts_the_caller_or_the_next_line(folder: Path, log: Any) -> None:
    only_ours(folder)
    log()
    logs.log_event("x.y", "after")
    assert human(folder).splitlines()[-1].endswith("INFO after")
    assert lines(folder / "events.jsonl")[-1]["text"] == "after"


def test_a_text_whose_arguments_do_not_fit_keeps_its_line(folder: Path) -> None:
    only_ours(folder)
    logs.logger().info("%d apples", "many")
    assert "%d apples (its arguments do not fit)" in human(folder)


def test_a_field_without_json_form_costs_its_value_only(folder: Path) -> None:
    logs.log_event("x.y", "text", "INFO", None, good=1, keys={(1, 2): 3})
    (line,) = lines(folder / "events.jsonl")
    assert (line["good"], line["keys"]) == (1, "{(1, 2): 3}")


def test_a_folder_that_cannot_be_made_costs_the_lines_not_the_process(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "file").write_text("x")
    logs.setup_logging(tmp_path / "file" / "logs", JAKARTA)
    logs.log_event("x.y", "lost")
    logs.setup_logging(folder, JAKARTA)
    logs.log_event("x.y", "kept")
    assert "kept" in human(folder)


def test_a_folder_that_vanishes_is_used_again_when_it_is_back(folder: Path) -> None:
    logs.log_event("x.y", "first")
    shutil.rmtree(folder)
    logs.log_event("x.y", "lost")
    folder.mkdir()
    logs.log_event("x.y", "third")
    assert human(folder).endswith("INFO third\n")


def test_a_full_disk_loses_lines_but_glues_none(small_disk: Path, folder: Path) -> None:
    logs.setup_logging(small_disk, JAKARTA)
    for number in range(300):
        logs.log_event("x.y", f"{number} " + "x" * 5000)
    (handler,) = [h for h in logs.logger().handlers if getattr(h, "path", None) == small_disk / "sambung.log"]
    assert isinstance(handler, AppendHandler) and handler.lost > 0
    (small_disk / "events.jsonl").unlink()
    logs.log_event("x.y", "the other handler still holds the space")
    logs.log_event("x.y", "after")
    assert human(small_disk).splitlines()[-1].endswith("INFO after")
    logs.setup_logging(folder, JAKARTA)


def test_a_line_written_in_part_does_not_swallow_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs.log_event("x.y", "first")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
        logs.log_event("x.y", "cut")
    logs.log_event("x.y", "third")
    last = human(folder).splitlines()[-1]
    assert last.endswith("INFO third") and last.startswith("20")
    assert lines_that_are_json(folder) == ["first", "third"]


def lines_that_are_json(folder: Path) -> list[str]:
    found = []
    for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line)["text"])
    return found


def test_a_forked_child_writes_to_the_same_file(folder: Path) -> None:
    logs.log_event("x.y", "parent")
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            logs.log_event("x.y", "child")
            os.write(outside, b"1")
        finally:
            os._exit(0)
    os.close(outside)
    assert os.read(inside, 1) == b"1"
    os.waitpid(child, 0)
    logs.log_event("x.y", "parent again")
    assert [line.rpartition("INFO ")[2] for line in human(folder).splitlines()] == [
        "parent",
        "child",
        "parent again",
    ]
    assert len({line["pid"] for line in lines(folder / "events.jsonl")}) == 2


def test_a_forked_child_does_not_give_the_parents_lock_away(folder: Path) -> None:
    """A lock belongs to the open file, which a child inherits: it must open its own."""
    logs.log_event("x.y", "parent")
    handler = next(h for h in logs.logger().handlers if isinstance(h, AppendHandler))
    fcntl.flock(handler._fd, fcntl.LOCK_SH)
    child = os.fork()
    if child == 0:
        try:
            logs.log_event("x.y", "child")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert "child" in human(folder)
    with (folder / "sambung.log").open() as rotator, pytest.raises(BlockingIOError):
        fcntl.flock(rotator, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_every_line_is_one_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.log_event("x.y", "open the files")
    written: list[bytes] = []
    write = os.write

    def noted(fd: int, data: bytes) -> int:
        written.append(data)
        return write(fd, data)

    monkeypatch.setattr(os, "write", noted)
    logs.log_event("x.y", "é" * 16_000)
    assert len(written) == 2
    assert all(data.endswith(b"\n") and data.count(b"\n") == 1 for data in written)


def test_a_closed_console_is_no_reason_for_anything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull, "w") as closed:
        monkeypatch.setattr(sys, "stderr", closed)
        logs.setup_logging(folder, JAKARTA, console=True)
    logs.log_event("x.y", "text")
    assert "text" in human(folder)
    assert logging.raiseExceptions
