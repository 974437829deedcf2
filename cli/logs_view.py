"""`logs`: the end of a log file, and what is appended, across rotations."""

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from cli.failure import USAGE, CommandFailed
from cli.folder import Place

POLL_S = 0.2
NAMED = 20  # instances in an error


def log_file(place: Place, as_json: bool, follow: bool) -> Path:
    """The log to show; CommandFailed when it is not there. One that is followed may come later, its folder not."""
    path = place.logs / ("events.jsonl" if as_json else "sambung.log")
    missing = next((one for one in (place.logs, path) if not one.exists()), None)
    if missing is None or (follow and missing == path):
        return path
    raise CommandFailed(
        f"{missing}: there is no such log {'file' if missing == path else 'folder'}; name the server's data folder "
        "with --data DIR, or start one: python3 run.py start"
    )


def check_known(place: Place, instance_id: str) -> None:
    """CommandFailed unless there is, or was, an instance of that name: its lock file outlives it."""
    names = sorted(lock.stem for lock in place.data.instances.glob("*.lock"))
    if instance_id not in names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        allowed = ", ".join(names[:NAMED]) + more if names else "none, there are no instances yet"
        raise CommandFailed(
            f"logs: there is no instance {instance_id[:64]!r} in {place.data.root} (allowed: {allowed})",
            USAGE,
        )


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
