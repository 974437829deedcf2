"""Rotation of the log files, by one process only: NAME → NAME.1 → NAME.1.gz → … → NAME.keep.gz.

A crash at any point loses nothing: each step is a rename or leaves its source until the result is complete, and the
next call finishes what it finds.
"""

import contextlib
import fcntl
import glob
import gzip
import os
import shutil
import time
from pathlib import Path

LOGS = ("sambung.log", "events.jsonl", "access.jsonl", "health-monitor.log")
LOCK_WAIT_S = 1.0


def rotate(log_dir: Path, rotate_mb: int, keep: int, now: float) -> list[str]:
    """Rotate every log that reached `rotate_mb` MiB, keep `keep` old files of each; returns the rotated names.

    `now`: epoch seconds, noted in the compressed files. Errors of one file leave it as it is and are not raised.
    """
    rotated = []
    for name in LOGS:
        with contextlib.suppress(OSError):
            if _rotate_one(log_dir / name, rotate_mb * 1024 * 1024, keep, now):
                rotated.append(name)
    return rotated


def _rotate_one(path: Path, limit_bytes: int, keep: int, now: float) -> bool:
    plain = _numbered(path, 1, gz=False)
    if plain.exists():
        _compress(plain, now)
    if not path.exists() or path.stat().st_size < max(1, limit_bytes):
        return False
    _shift(path, keep)
    if not _set_apart(path, plain):
        return False
    _compress(plain, now)
    return True


def _shift(path: Path, keep: int) -> None:
    """Make .1.gz free: move the numbers before the first hole up by one, and drop what is beyond `keep`."""
    hole = 1
    while _numbered(path, hole).exists():
        hole += 1
    for number in range(hole - 1, 0, -1):
        os.replace(_numbered(path, number), _numbered(path, number + 1))
    for old in path.parent.glob(f"{glob.escape(path.name)}.*.gz"):
        middle = old.name[len(path.name) + 1 : -3]
        if middle.isdecimal() and int(middle) > keep:
            old.unlink()


def _set_apart(path: Path, target: Path) -> bool:
    """Rename the log once no writer is in the middle of a line; False when one stays there (a stopped process)."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.001)
        os.rename(path, target)
        return True
    finally:
        os.close(fd)


def _compress(plain: Path, now: float) -> None:
    """Turn NAME.1 into NAME.1.gz. Where both exist, a crash came between the last two steps: the .gz is complete."""
    packed, part = plain.with_name(f"{plain.name}.gz"), plain.with_name(f"{plain.name}.gz.part")
    if not packed.exists():
        with plain.open("rb") as source, part.open("wb") as target:
            os.fchmod(target.fileno(), 0o600)
            # Level 1: the rotator has more to do than to save the last percent.
            with gzip.GzipFile(plain.name, "wb", 1, target, mtime=now) as stream:
                shutil.copyfileobj(source, stream, 1024 * 1024)
            target.flush()
            os.fsync(target.fileno())
        os.replace(part, packed)
    plain.unlink()


def _numbered(path: Path, number: int, *, gz: bool = True) -> Path:
    return path.with_name(f"{path.name}.{number}{'.gz' if gz else ''}")
