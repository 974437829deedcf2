"""What can be wrong with a SQLite file, and finding it. No SQLAlchemy.

Every table of ours has a checksum of the row as its last column; `user_version` holds one of the tables' definitions.
"""

import contextlib
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

from store.codec import checksum
from store.sqlitefile import connect, failed, is_damage

MAGIC = b"SQLite format 3\x00"

# Looks at an open file and names the first thing wrong with its content, None when all is well.
Verify = Callable[[sqlite3.Connection], str | None]


def find_problem(path: Path, verify: Verify, quick_s: float | None) -> str | None:
    """What is wrong with the file, None when it is sound or there is none."""
    if not path.exists():
        wal = path.with_name(f"{path.name}-wal")
        left_behind = wal.exists() and wal.stat().st_size > 0
        return "the file is gone but its -wal is there" if left_behind else None
    if problem := _header_problem(path):
        return problem
    try:
        with contextlib.closing(connect(path)) as connection:
            # Text that is no longer UTF-8 is for the checksums to find, not for the driver to choke on.
            connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")
            return _structure_problem(connection, quick_s) or verify(connection)
    except sqlite3.Error as error:
        if is_damage(error):
            return str(error)
        raise failed(path, error) from error
    except UnicodeDecodeError:
        return "unreadable schema"


def _structure_problem(connection: sqlite3.Connection, quick_s: float | None) -> str | None:
    """What SQLite's own check finds. The full one also compares indexes with their tables."""
    check = "integrity_check" if quick_s is None else "quick_check"
    if quick_s is not None:
        deadline = time.monotonic() + quick_s
        connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        line = str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None
        raise
    finally:
        connection.set_progress_handler(None, 0)
    return None if line == "ok" else line


def _header_problem(path: Path) -> str | None:
    """Damage in the header that SQLite would call by another name (a read-only file, an empty database)."""
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(MAGIC):
        return "file is not a database"
    if header[18] not in (1, 2) or header[18] != header[19]:
        return "impossible format version in the header"
    return None


def table_names(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def damaged_row(connection: sqlite3.Connection, tables: Iterable[str]) -> str | None:
    """The first row whose last column is not the checksum of the others, in words; works for every version."""
    for table in table_names(connection).intersection(tables):
        for row in connection.execute(f"SELECT * FROM {table}"):
            if checksum(*row[:-1]) != row[-1]:
                return f"checksum of a row in {table} does not fit"
    return None


def seal_tables(connection: sqlite3.Connection) -> None:
    """Note the tables' definitions as they are now: after they were made, and after every migration."""
    connection.execute(f"PRAGMA user_version={_tables_crc(connection)}")


def changed_tables(connection: sqlite3.Connection) -> str | None:
    """In words, when the tables' definitions are not those that were noted.

    A file without a note (restored from a dump) passes.
    """
    noted = connection.execute("PRAGMA user_version").fetchone()[0]
    return None if noted in (0, _tables_crc(connection)) else "the tables' definitions were changed"


def _tables_crc(connection: sqlite3.Connection) -> int:
    rows = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
    )
    text = repr(rows.fetchall()).encode(errors="surrogateescape")
    # user_version is a signed 32-bit number, and 0 means that there is none.
    return int.from_bytes(zlib.crc32(text).to_bytes(4, "big"), "big", signed=True) or 1
