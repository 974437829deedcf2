"""Opening SQLite files so that damage is noticed and never papered over. Standard library and msgpack only.

**What happens to a damaged file.** `open_checked` looks at a file before anybody uses it: header, SQLite's
quick_check, the checksum of every row. If something is wrong, a marker `NAME.corrupt` is written beside it, then the
file and its -wal go to the folder for corrupt files under a time-stamped name, then StoreCorrupt is raised; its text
names both places. As long as the marker is there and the file is not, opening is refused: nothing is created anew
by itself. The operator decides by one of
- putting a sound copy in the file's place (the next open checks it and removes the marker),
- removing the marker, or opening with `recreate=True`: accepts the loss, an empty store is made.

A new store is built under another name and renamed when it is complete. So an empty or half-made file in a store's
place is always damage, never a beginning. Not noticed: a -wal whose last transactions were damaged after a crash;
SQLite's checksums end the recovery there, as they do after a torn write.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from store.codec import Undecodable, Unstorable
from store.errors import StoreCorrupt, StoreFailed, StoreFault
from store.files import PRIVATE, os_faults, sync_folder, write_atomic

MAGIC = b"SQLite format 3\x00"
BUSY_MS = 5000

# Looks at an open file and names the first thing wrong with its content, None when all is well.
Verify = Callable[[sqlite3.Connection], str | None]
Build = Callable[[sqlite3.Connection], None]


def marker_of(path: Path) -> Path:
    """The file whose presence says: this store was found damaged and the operator has not decided yet."""
    return path.with_name(f"{path.name}.corrupt")


def connect(
    path: Path, *, read_only: bool = False, shared: bool = False, cache_kib: int = 512
) -> sqlite3.Connection:
    """A connection in autocommit mode (transactions are explicit), durable at each commit.

    `shared`: a pool hands it from thread to thread. The file must exist.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
        uri=True,
        isolation_level=None,
        check_same_thread=not shared,
    )
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    connection.execute(f"PRAGMA cache_size=-{cache_kib}")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def prepare(
    path: Path, now: float, build: Build, verify: Verify, *, aside: Path | None = None, recreate: bool = False
) -> bool:
    """Leave a sound file at `path`: check the one that is there, or make a new one with `build`.

    `aside`: folder for damaged files, by default `corrupt` beside the file. Returns True when the file was made.
    Raises StoreCorrupt (see the module's docstring) or StoreFailed.
    """
    marker = marker_of(path)
    with os_faults(path):
        problem = _problem(path, verify)
        if problem is not None:
            refusal = _set_aside(path, aside or path.parent / "corrupt", problem, now)
            if not recreate:
                raise refusal
        elif path.exists():
            marker.unlink(missing_ok=True)
            return False
        if marker.exists() and not recreate:
            raise _undecided(path, marker)
        _create(path, build)
        marker.unlink(missing_ok=True)
        return True


def _problem(path: Path, verify: Verify) -> str | None:
    """What is wrong with the file, None when it is sound or there is none."""
    wal = path.with_name(f"{path.name}-wal")
    if not path.exists():
        left_behind = wal.exists() and wal.stat().st_size > 0
        return "the file is gone but its -wal is there" if left_behind else None
    if problem := _header_problem(path):
        return problem
    try:
        with contextlib.closing(connect(path)) as connection:
            for (line,) in connection.execute("PRAGMA quick_check(1)"):
                if line != "ok":
                    return str(line)
            return verify(connection)
    except sqlite3.Error as error:
        if is_damage(error):
            return str(error)
        raise failed(path, error) from error


def _header_problem(path: Path) -> str | None:
    """Damage in the header that SQLite would call by another name (a read-only file, an empty database)."""
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(MAGIC):
        return "file is not a database"
    if header[18] not in (1, 2) or header[18] != header[19]:
        return "impossible format version in the header"
    return None


def _create(path: Path, build: Build) -> None:
    """Build a new file under another name, then rename it into place."""
    fresh = path.with_name(f"{path.name}.new")
    for leftover in (*_family(fresh), *_family(path)):
        leftover.unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE))
    try:
        with contextlib.closing(connect(fresh)) as connection:
            # Before anything is written: the file can give pages back to the system.
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            connection.execute("PRAGMA journal_mode=WAL")
            build(connection)
    except sqlite3.Error as error:
        for leftover in _family(fresh):
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
        path, target, f"{path} is damaged ({problem}) and was moved to {target}. {_choice(path)}"
    )


def _undecided(path: Path, marker: Path) -> StoreCorrupt:
    try:
        moved_to = Path(json.loads(marker.read_bytes())["moved_to"])
    except (ValueError, KeyError, TypeError):
        moved_to = None
    where = f"is in {moved_to}" if moved_to else "was set aside"
    return StoreCorrupt(path, moved_to, f"{path} was found damaged; it {where}. {_choice(path)}")


def _choice(path: Path) -> str:
    return f"Put a sound copy at {path}, or delete {marker_of(path)} to accept the loss and start with an empty store"


def _family(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal"))


def remove_store(path: Path) -> None:
    """Delete a store for good, with its companions and its marker. Raises StoreFailed."""
    with os_faults(path):
        for file in (*_family(path), marker_of(path)):
            file.unlink(missing_ok=True)
        sync_folder(path.parent)


def is_damage(error: sqlite3.Error) -> bool:
    """True when SQLite says that the file's content is wrong, not that it could not be reached."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    # SQLITE_ERROR here means that the schema is not the one we wrote: a damaged statement text.
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def failed(path: Path | str, error: sqlite3.Error) -> StoreFailed:
    """The typed failure for an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    fault = FAULTS.get(code & 0xFF, StoreFault.IO)
    return StoreFailed(path, fault, str(error))


FAULTS = {
    sqlite3.SQLITE_FULL: StoreFault.FULL,
    sqlite3.SQLITE_READONLY: StoreFault.READ_ONLY,
    sqlite3.SQLITE_BUSY: StoreFault.LOCKED,
    sqlite3.SQLITE_LOCKED: StoreFault.LOCKED,
    sqlite3.SQLITE_CANTOPEN: StoreFault.MISSING,
    sqlite3.SQLITE_CORRUPT: StoreFault.DAMAGED,
    sqlite3.SQLITE_NOTADB: StoreFault.DAMAGED,
}


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[None]:
    """All or nothing; errors of SQLite become StoreFailed, values that it cannot take Unstorable."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # SQLite has rolled back by itself after some failures (disk full, I/O error).
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.Error as error:
        raise failed(path, error) from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise Unstorable(f"value cannot be stored: {error}") from None


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Errors of SQLite, and stored bytes that cannot be decoded, become StoreFailed."""
    try:
        yield
    except sqlite3.Error as error:
        raise failed(path, error) from error
    except Undecodable as error:
        raise StoreFailed(path, StoreFault.DAMAGED, str(error)) from error
