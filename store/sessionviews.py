"""What the web process reads from an instance's session file, while the instance writes it. No SQLAlchemy.

Each call opens the file read-only and closes it: files come and go with instances, and hundreds of open ones would
cost more than opening. An instance without a file has an empty history, unless it was damaged and set aside.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from core.records import MessageState, TimelineEntry
from store import sessionschema, sqlitefile
from store.codec import Undecodable, checksum
from store.paging import Page, decode_cursor, make_page
from store.rows import MessageView, unpack_entry, unpack_old_view, unpack_view


def timeline(path: Path, after: str | None, limit: int) -> Page[TimelineEntry]:
    """The link's history, newest first. Raises BadCursor, StoreFailed."""
    below = decode_cursor("timeline", after)
    with _open(path) as db:
        if db is None:
            return Page((), None, 0)
        rows = db.execute(
            "SELECT number, body, crc FROM timeline WHERE number < ? ORDER BY number DESC LIMIT ?",
            (below, limit + 1),
        )
        entries = [(row[0], unpack_entry(_sound(row)[1])) for row in rows]
        total = db.execute("SELECT COUNT(*) FROM timeline").fetchone()[0]
    return make_page("timeline", entries, limit, total)


def messages(path: Path, state: MessageState | None, after: str | None, limit: int) -> Page[MessageView]:
    """Accepted messages, newest first, only those of `state`. Raises BadCursor, StoreFailed."""
    below = decode_cursor("messages", after)
    where, values = ("state = ? AND ", [state.value]) if state else ("", [])
    with _open(path) as db:
        if db is None:
            return Page((), None, 0)
        rows = db.execute(
            f"SELECT * FROM outbox WHERE {where}seq < ? ORDER BY seq DESC LIMIT ?",
            (*values, below, limit + 1),
        )
        unpack = _unpacker(db)
        found = [(row[0], unpack(_sound(row)[1:-1])) for row in rows]
        total = db.execute(f"SELECT COUNT(*) FROM outbox WHERE {where}1", values).fetchone()[0]
    return make_page("messages", found, limit, total)


def message(path: Path, message_id: str) -> MessageView | None:
    """One accepted message; None when it is unknown or was pruned. Raises StoreFailed."""
    with _open(path) as db:
        if db is None:
            return None
        row = db.execute("SELECT * FROM outbox WHERE message_id = ?", (message_id,)).fetchone()
        return None if row is None else _unpacker(db)(_sound(row)[1:-1])


@contextlib.contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A read-only connection for one consistent view; None when there is no file."""
    if not path.exists():
        sqlitefile.absent(path)
        yield None
        return
    with sqlitefile.reading(path):
        try:
            connection = sqlitefile.connect(path, read_only=True)
        except sqlite3.Error as error:
            # The instance may have been removed since the look above.
            if path.exists():
                raise sqlitefile.failed(path, error) from error
            connection = None
        if connection is None:
            yield None
            return
        with contextlib.closing(connection):
            connection.execute("BEGIN")
            yield connection


def _unpacker(db: sqlite3.Connection) -> Callable[[tuple[Any, ...]], MessageView]:
    """For rows of this file's outbox. An instance without a process (quarantined) does not bring its file forward."""
    old = sessionschema.version_of(db) < sessionschema.CONTENTS_APART
    return unpack_old_view if old else unpack_view


def _sound(row: tuple[Any, ...]) -> tuple[Any, ...]:
    if checksum(*row[:-1]) != row[-1]:
        raise Undecodable("checksum of a row does not fit")
    return row
