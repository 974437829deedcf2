"""`logs`: the end of a log file, and what is appended, across rotations."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_S = 0.2


def last_lines(path: Path, count: int, wanted: Callable[[str], bool]) -> list[str]:
    """The last `count` lines that are wanted; none when there is no file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = (line.rstrip("\n") for line in file)
            return list(deque((line for line in lines if wanted(line)), maxlen=count))
    except FileNotFoundError:
        return []


def followed(path: Path, wanted: Callable[[str], bool], stop: Callable[[], bool]) -> Iterator[str]:
    """Lines appended from now on until `stop`; a file put in place of this one is read from its beginning."""
    file, rest = None, ""
    if path.exists():
        file = path.open(encoding="utf-8", errors="replace")
        file.seek(0, os.SEEK_END)
    try:
        while True:
            chunk = file.read() if file else ""
            *whole, rest = (rest + chunk).split("\n")
            yield from (line for line in whole if wanted(line))
            if not chunk and _replaced(path, file.fileno() if file else None):
                if file:
                    file.close()
                file, rest = path.open(encoding="utf-8", errors="replace"), ""
            elif not chunk:
                if stop():
                    return
                time.sleep(POLL_S)
    finally:
        if file:
            file.close()


def _replaced(path: Path, descriptor: int | None) -> bool:
    """Is there another file at this path than the open one?"""
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return descriptor is None or (now.st_dev, now.st_ino) != (
        os.fstat(descriptor).st_dev,
        os.fstat(descriptor).st_ino,
    )


def about(instance_id: str | None, as_json: bool) -> Callable[[str], bool]:
    """Is a line of sambung.log (or of events.jsonl) about this instance? None: every line is wanted."""
    if instance_id is None:
        return lambda _line: True
    if not as_json:
        return lambda line: f" [{instance_id}] " in line

    def of_instance(line: str) -> bool:
        try:
            return bool(json.loads(line).get("instance_id") == instance_id)
        except (ValueError, AttributeError):
            return False

    return of_instance
