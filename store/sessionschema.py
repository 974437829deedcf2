"""The tables of a session file, their versions, and the check of every row. No SQLAlchemy.

    meta      version, stream (its id and next event number), link (what survives of the link's state)
    entries   protocol state: (space, key) → bytes
    events    application events that the journal has not acknowledged
    outbox    accepted messages in order of acceptance, without what they say
    contents  what they say, by the same seq: lists and ends of messages leave it alone
    timeline  what happened to the link

`body` and `value` are msgpack. The last column of every table is the checksum of the others in order; a migration
that adds a column makes the table anew, so that this holds for every version.
"""

import secrets
import sqlite3
from collections.abc import Callable

from store.codec import Undecodable, checksum, packb, unpackb
from store.damage import changed_tables, damaged_row, seal_tables, table_names
from store.errors import StoreTooNew

TABLES = ("meta", "entries", "events", "outbox", "contents", "timeline")
CONTENTS_APART = 2

Step = Callable[[sqlite3.Connection], None]


OUTBOX = (
    "(seq INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE, state TEXT NOT NULL,"
    " finished_at REAL, size INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL)"
)
OUTBOX_INDEX = "CREATE INDEX outbox_state ON outbox (state, seq)"
CONTENTS = "CREATE TABLE contents (seq INTEGER PRIMARY KEY, data BLOB NOT NULL, crc INTEGER NOT NULL)"


def _create(connection: sqlite3.Connection) -> None:
    """The tables as they are in version CONTENTS_APART."""
    for statement in (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE entries (space TEXT, key TEXT, value BLOB NOT NULL, crc INTEGER NOT NULL,"
        " PRIMARY KEY (space, key)) WITHOUT ROWID",
        "CREATE TABLE events (number INTEGER PRIMARY KEY, body BLOB NOT NULL, crc INTEGER NOT NULL)",
        f"CREATE TABLE outbox {OUTBOX}",
        OUTBOX_INDEX,
        CONTENTS,
        "CREATE TABLE timeline (number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL,"
        " crc INTEGER NOT NULL)",
    ):
        connection.execute(statement)


def _set_contents_apart(connection: sqlite3.Connection) -> None:
    """Contents apart from what is told of their messages, which gets their size."""
    connection.execute(f"CREATE TABLE outbox_2 {OUTBOX}")
    connection.execute(CONTENTS)
    # One at a time: together they may be larger than a process is allowed to be.
    for seq, *head, body, _ in connection.execute("SELECT * FROM outbox"):
        data, *rest = unpackb(body)
        row, content = (seq, *head, len(data), packb(rest)), (seq, data)
        connection.execute("INSERT INTO outbox_2 VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, checksum(*row)))
        connection.execute("INSERT INTO contents VALUES (?, ?, ?)", (*content, checksum(*content)))
    used = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchall()
    connection.execute("DROP TABLE outbox")
    connection.execute("ALTER TABLE outbox_2 RENAME TO outbox")
    connection.execute(OUTBOX_INDEX)
    # A number that was used and deleted is never used again, for cursors hold them.
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'outbox'")
    connection.executemany("INSERT INTO sqlite_sequence VALUES ('outbox', ?)", used)


# steps[n] turns a file of version n + 1 into one of version n + 2. A new file is made as it is to be: each table that
# is made anew costs its instance's process memory.
STEPS: tuple[Step, ...] = (_set_contents_apart,)


def put_meta(connection: sqlite3.Connection, key: str, value: object) -> None:
    packed = packb(value)
    connection.execute("REPLACE INTO meta VALUES (?, ?, ?)", (key, packed, checksum(key, packed)))


def get_meta(connection: sqlite3.Connection, key: str) -> object:
    """The stored value, None when there is none."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else unpackb(row[0])


def version_of(connection: sqlite3.Connection) -> int:
    """The file's schema version, 0 for one without tables; raises Undecodable when it has tables but no version."""
    names = table_names(connection)
    if not names:
        return 0
    version = get_meta(connection, "version") if "meta" in names else None
    if not isinstance(version, int):
        raise Undecodable("tables without a schema version")
    return version


def migrate(connection: sqlite3.Connection, steps: tuple[Step, ...] = STEPS) -> None:
    """Bring the file to the current version inside the caller's transaction; a new one gets its stream id."""
    version, newest = version_of(connection), 1 + len(steps)
    if version == 0:
        _create(connection)
    for step in steps[(version or CONTENTS_APART) - 1 :]:
        step(connection)
    if version < newest:
        put_meta(connection, "version", newest)
        seal_tables(connection)
    if version == 0:
        put_meta(connection, "stream", [secrets.token_hex(16), 1])


def verify(connection: sqlite3.Connection, path: str, known: int = 1 + len(STEPS)) -> str | None:
    """What is wrong with the content in words, None when all is well. Raises StoreTooNew."""
    try:
        # The version first: a newer program may have tables that this one would take for damaged.
        if problem := damaged_row(connection, ["meta"]):
            return problem
        version = version_of(connection)
        if version > known:
            raise StoreTooNew(path, version, known)
        if version and get_meta(connection, "stream") is None:
            return "the stream id is missing"
    except Undecodable as error:
        return str(error)
    return changed_tables(connection) or damaged_row(connection, TABLES)
