"""Opening SQLite files so that damage is noticed and never papered over. No SQLAlchemy.

**What happens to a damaged file.** `prepare` looks at a file before anybody uses it: header, SQLite's
integrity check, the tables' definitions, the checksum of every row. If something is wrong, a marker `NAME.corrupt` is
written beside it, then the file and its -wal go to the folder for corrupt files under a time-stamped name, then
StoreCorrupt is raised; its text names both places. As long as the marker is there and the file is not, opening is
refused: nothing is created anew by itself. The operator decides by one of
- putting a sound copy in the file's place: the next open checks it and says that it is a copy, older than the lost
  file; whoever opens it removes the marker once what follows from that is durable,
- removing the marker, or opening with `recreate=True`: accepts the loss, an empty store is made.

A new store is built under another name and renamed when it is complete. So an empty or half-made file in a store's
place is always damage, never a beginning. Not noticed: a -wal whose last transactions were damaged after a crash;
SQLite's checksums end the recovery there, as they do after a torn write.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from store.damage import Verify, find_problem, seal_tables
from store.errors import StoreCorrupt
from store.files import PRIVATE, os_faults, sync_folder, write_atomic
from store.sqlitefile import connect, failed, family, marker_of

Build = Callable[[sqlite3.Connection], None]


class Opened(Enum):
    """What `prepare` left at the path. RESTORED: a sound copy in a damaged file's place; the marker is still there."""

    MADE = "made"
    SOUND = "sound"
    RESTORED = "restored"


def prepare(
    path: Path,
    now: float,
    build: Build,
    verify: Verify,
    *,
    aside: Path | None = None,
    recreate: bool = False,
    quick_s: float | None = None,
) -> Opened:
    """Leave a sound file at `path`: check the one that is there, or make a new one with `build`.

    `aside`: folder for damaged files, by default `corrupt` beside the file. `quick_s`: for a file that may be large,
    look at its structure only, for at most so many seconds. Raises StoreCorrupt (see the module's docstring) or
    StoreFailed. After RESTORED, call `settled`.
    """
    marker = marker_of(path)
    with os_faults(path):
        problem = find_problem(path, verify, quick_s)
        if problem is not None:
            refusal = _set_aside(path, aside or path.parent / "corrupt", problem, now)
            if not recreate:
                raise refusal
        elif path.exists():
            return Opened.RESTORED if marker.exists() else Opened.SOUND
        if marker.exists() and not recreate:
            raise _undecided(path, marker)
        _create(path, build)
        marker.unlink(missing_ok=True)
        return Opened.MADE


def settled(path: Path) -> None:
    """A restored copy is in use: its marker goes."""
    with os_faults(path):
        marker_of(path).unlink(missing_ok=True)


def was_set_aside(path: Path, aside: Path | None = None) -> bool:
    """Whether a damaged file of this name was moved away once."""
    folder = aside or path.parent / "corrupt"
    return any(folder.glob(f"{path.name}-*"))


def _create(path: Path, build: Build) -> None:
    """Build a new file under another name, then rename it into place."""
    fresh = path.with_name(f"{path.name}.new")
    for leftover in (*family(fresh), *family(path)):
        leftover.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE))
    try:
        with contextlib.closing(connect(fresh)) as connection:
            # Before anything is written: the file can give pages back to the system.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA journal_mode=WAL")
            build(connection)
            seal_tables(connection)
    except sqlite3.Error as error:
        for leftover in family(fresh):
            leftover.unlink(missing_ok=True)
        raise failed(path, error) from error
    os.replace(fresh, path)
    sync_folder(path.parent)


def _set_aside(path: Path, folder: Path, problem: str, now: float) -> StoreCorrupt:
    """Write the marker, move the file and its companions; the refusal to raise."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = folder / f"{path.name}-{stamp}"
    for number in range(2, 1000):
        if not target.exists():
            break
        target = folder / f"{path.name}-{stamp}-{number}"
    note = {"problem": problem, "moved_to": str(target), "at": stamp}
    write_atomic(marker_of(path), json.dumps(note).encode())
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(path.with_name(path.name + suffix), folder / (target.name + suffix))
    sync_folder(folder)
    sync_folder(path.parent)
    return StoreCorrupt(
        path, target, f"{path} is damaged ({problem}) and was moved to {target}", _choice(path)
    )


def _undecided(path: Path, marker: Path) -> StoreCorrupt:
    try:
        moved_to = Path(json.loads(marker.read_bytes())["moved_to"])
    except (ValueError, KeyError, TypeError):
        moved_to = None
    where = f"is in {moved_to}" if moved_to else "was set aside"
    return StoreCorrupt(path, moved_to, f"{path} was found damaged; it {where}", _choice(path))


def _choice(path: Path) -> str:
    return (
        f"Put a sound copy at {path} (under another name first, then rename it), or delete {marker_of(path)} to accept "
        "the loss and start with an empty store; it is looked at every few seconds"
    )
