"""What processes leave behind in the data folder when they end otherwise than planned."""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

from core.instances import valid_id
from store.files import InstanceLock, lock_holder, os_faults
from store.layout import DataDir
from store.sqlitefile import family, marker_of, remove_store

SESSION_SUFFIX = ".db"
CRASH_FILES = "crash-*.txt"


def orphaned_sessions(data: DataDir, known: Collection[str]) -> tuple[str, ...]:
    """The ids whose session file is there though no such instance is known and no process holds its lock.

    Raises StoreFailed.
    """
    with os_faults(data.instances):
        names = [entry.name for entry in os.scandir(data.instances) if entry.name.endswith(SESSION_SUFFIX)]
    ids = sorted(name.removesuffix(SESSION_SUFFIX) for name in names)
    return tuple(
        one for one in ids if valid_id(one) and one not in known and lock_holder(data.lock(one)) is None
    )


def session_left(data: DataDir, instance_id: str) -> bool:
    """Whether there is a session file of this id, or what would keep one from being made."""
    path = data.session(instance_id)
    return any(file.exists() for file in (*family(path), marker_of(path)))


def purge_session(data: DataDir, instance_id: str) -> bool:
    """Delete a session file with everything that belongs to it; False when there is none.

    The lock is held meanwhile, and stays for its epoch. Raises LockBusy while a process uses it, StoreFailed, and
    ValueError for what is no instance id.
    """
    path = data.session(instance_id)
    if not session_left(data, instance_id):
        return False
    with InstanceLock.acquire(data.lock(instance_id)):
        remove_store(path)
    return True


def drop_crash_files(folder: Path, oldest: float) -> int:
    """Remove what ended processes left here: empty files, and stacks from before `oldest` (epoch seconds).

    Every process opens its file at its start, so most of them stay empty. Returns how many. Raises StoreFailed.
    """
    dropped = 0
    with os_faults(folder):
        for path in folder.glob(CRASH_FILES):
            if _is_running(path) or not _is_done(path, oldest):
                continue
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
                dropped += 1
    return dropped


def _is_running(path: Path) -> bool:
    """Whether the process that the file is named after may still write it."""
    pid = path.stem.removeprefix("crash-")
    return pid.isdecimal() and Path(f"/proc/{pid}").exists()


def _is_done(path: Path, oldest: float) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return found.st_size == 0 or found.st_mtime < oldest
