"""Connections to SQLite files, transactions on them, and what their errors mean. No SQLAlchemy."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from store.codec import Undecodable, Unstorable
from store.errors import StoreFailed, StoreFault
from store.files import os_faults, sync_folder

BUSY_MS = 5000
# Instead of the driver's words, which quote the text.
UNREADABLE = "stored text cannot be decoded"


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
    try:
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute(f"PRAGMA cache_size=-{cache_kib}")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def give_back(connection: sqlite3.Connection, pages: int) -> None:
    """Return up to so many unused pages to the file system."""
    # As a script: `execute` would take one step, which is one page.
    connection.executescript(f"PRAGMA incremental_vacuum({pages})")


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
        raise Unstorable(f"value cannot be stored: {type(error).__name__}") from None
    except UnicodeDecodeError as error:
        raise StoreFailed(path, StoreFault.DAMAGED, UNREADABLE) from error


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Errors of SQLite, and stored bytes that cannot be decoded, become StoreFailed."""
    try:
        yield
    except sqlite3.Error as error:
        raise failed(path, error) from error
    except (Undecodable, UnicodeDecodeError) as error:
        detail = str(error) if isinstance(error, Undecodable) else UNREADABLE
        raise StoreFailed(path, StoreFault.DAMAGED, detail) from error


def is_damage(error: sqlite3.Error) -> bool:
    """True when SQLite says that the file's content is wrong, not that it could not be reached."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    # SQLITE_ERROR here means that the schema is not the one we wrote: a damaged statement text.
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


def failed(path: Path | str, error: sqlite3.Error) -> StoreFailed:
    """The typed failure for an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # The driver's own: stored text that is not UTF-8. Its message would quote the text.
        return StoreFailed(path, StoreFault.DAMAGED, UNREADABLE)
    fault = FAULTS.get(code & 0xFF, StoreFault.IO)
    # SQLite cannot open a -wal for a file on a read-only disk, and says only that.
    if fault is StoreFault.MISSING and os.path.exists(path) and not os.access(Path(path).parent, os.W_OK):
        fault = StoreFault.READ_ONLY
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


def marker_of(path: Path) -> Path:
    """The file whose presence says: this store was found damaged and the operator has not decided yet."""
    return path.with_name(f"{path.name}.corrupt")


def absent(path: Path) -> None:
    """A store without a file is empty, but for one that was set aside: that raises StoreFailed."""
    if (marker := marker_of(path)).exists():
        raise StoreFailed(path, StoreFault.SET_ASIDE, f"delete {marker.name}")


def family(path: Path) -> tuple[Path, ...]:
    """The files that SQLite keeps for one database."""
    return tuple(path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal"))


def remove_store(path: Path) -> None:
    """Delete a store for good, with its companions and its marker. Raises StoreFailed."""
    with os_faults(path):
        for file in (*family(path), marker_of(path)):
            file.unlink(missing_ok=True)
        sync_folder(path.parent)
