"""One instance's durable state: a SQLite file of its own, written only by that instance's process.

Standard library and msgpack only, and a small cache: two hundred of these processes share a machine. Everything a
drain decided goes into one `Batch`, which is committed as a whole or not at all.
"""

import contextlib
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from core.effects import Change
from core.records import (
    MessageOutcome,
    MessageState,
    OutboxMessage,
    StoredEvent,
    TimelineEntry,
    WaitingMessage,
)
from store import sessionschema, sqlitefile
from store.errors import MessageConflict, StoreFailed
from store.opening import Opened, prepare, settled
from store.rows import MESSAGE_COLUMNS, message_of, unpack_event, unpack_view, waiting_of, within_budget
from store.sessionwrites import (
    Event,
    drop_acknowledged,
    drop_old,
    put_changes,
    put_events,
    put_message,
    put_outcome,
    put_timeline,
)

MAX_BATCH_BYTES = 1024 * 1024


@dataclass(slots=True)
class Batch:
    """What one drain wants durable: `events` are (kind, data, epoch seconds), numbered in this order.

    `outbox`: newly accepted messages; `outcomes`: of messages accepted before; `link_state` None leaves the stored one.
    """

    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    outbox: list[OutboxMessage] = field(default_factory=list)
    outcomes: list[MessageOutcome] = field(default_factory=list)
    timeline: list[TimelineEntry] = field(default_factory=list)
    link_state: dict[str, Any] | None = None

    def __bool__(self) -> bool:
        written = self.changes or self.events or self.outbox or self.outcomes or self.timeline
        return bool(written) or self.link_state is not None


@dataclass(frozen=True, slots=True)
class SessionData:
    """What an instance starts with. `entries`: protocol state by (space, key); `pending`: oldest first."""

    entries: dict[tuple[str, str], bytes]
    link_state: dict[str, Any] | None
    stream: str
    next_event_number: int
    unsent: int
    pending: tuple[WaitingMessage, ...]


class SessionStore:
    """An open session file; not for sharing between threads or across a fork."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._db = connection
        self._acknowledged = 0
        self._open = True
        stream, number = cast(tuple[str, int], sessionschema.get_meta(connection, "stream"))
        self.stream = stream
        self.next_event_number = number
        # The file is a copy that was put in a damaged one's place.
        self.restored = False

    @classmethod
    def open(
        cls, path: Path, now: float, *, aside: Path | None = None, recreate: bool = False
    ) -> "SessionStore":
        """Open or make the file. `now`: epoch seconds; `aside`: folder for a damaged file.

        Raises StoreCorrupt (damaged, set aside; see store.opening), StoreTooNew, StoreFailed.
        """
        opened = prepare(
            path, now, _build, lambda db: sessionschema.verify(db, str(path)), aside=aside, recreate=recreate
        )
        with sqlitefile.reading(path):
            connection = sqlitefile.connect(path)
            try:
                connection.execute("PRAGMA wal_autocheckpoint=256")
                connection.execute("PRAGMA journal_size_limit=1048576")
                with sqlitefile.transaction(connection, path):
                    sessionschema.migrate(connection)
                store = cls(path, connection)
                if opened is Opened.RESTORED:
                    store.begin_anew()
                return store
            except BaseException:
                connection.close()
                raise

    def load(self) -> SessionData:
        """Everything an instance needs to go on where the last process stopped. Raises StoreFailed."""
        db = self._db
        with self._guard():
            rows = db.execute("SELECT space, key, value FROM entries")
            entries = {(space, key): value for space, key, value in rows}
            unsent = db.execute("SELECT COUNT(*) FROM events").fetchone()[0]
            rows = db.execute(
                f"SELECT {MESSAGE_COLUMNS} FROM outbox WHERE state = ? ORDER BY seq",
                (MessageState.ACCEPTED.value,),
            )
            pending = tuple(waiting_of(unpack_view(row)) for row in rows)
            link = sessionschema.get_meta(db, "link")
        return SessionData(
            entries,
            link if isinstance(link, dict) else None,
            self.stream,
            self.next_event_number,
            unsent,
            pending,
        )

    def commit(self, batch: Batch) -> None:
        """Make the whole batch durable, or raise StoreFailed and change nothing. Unstorable for what has no form."""
        with self._write() as db:
            put_changes(db, batch.changes)
            number = put_events(db, batch.events, self.next_event_number)
            if batch.events:
                sessionschema.put_meta(db, "stream", [self.stream, number])
            for message in batch.outbox:
                put_message(db, message)
            for outcome in batch.outcomes:
                put_outcome(db, outcome)
            put_timeline(db, batch.timeline)
            if batch.link_state is not None:
                sessionschema.put_meta(db, "link", batch.link_state)
        self.next_event_number = number

    def unsent(self, limit: int) -> tuple[str, tuple[StoredEvent, ...]]:
        """The stream and its oldest unacknowledged events: at most `limit`; MAX_BATCH_BYTES unless one is larger."""
        with self._guard():
            rows = self._db.execute(
                "SELECT number, body FROM events WHERE number > ? ORDER BY number LIMIT ?",
                (self._acknowledged, limit),
            )
            return self.stream, tuple(
                unpack_event(number, body) for number, body in within_budget(rows, MAX_BATCH_BYTES)
            )

    def unsent_count(self) -> int:
        """How many events the journal has not acknowledged."""
        with self._guard():
            row = self._db.execute("SELECT COUNT(*) FROM events WHERE number > ?", (self._acknowledged,))
            count: int = row.fetchone()[0]
        return count

    def acknowledge(self, up_to: int) -> None:
        """The journal has every event of this file's stream up to this number (the caller compares the streams).

        They leave the file with the next write: an acknowledgement lost in a crash only means that they are sent
        again, and the journal drops what it has.
        """
        self._acknowledged = max(self._acknowledged, min(up_to, self.next_event_number - 1))

    def message(self, message_id: str) -> OutboxMessage | None:
        with self._guard():
            row = self._db.execute(
                f"SELECT {MESSAGE_COLUMNS}, data FROM outbox JOIN contents USING (seq) WHERE message_id = ?",
                (message_id,),
            ).fetchone()
            return None if row is None else message_of(unpack_view(row[:-1]), row[-1])

    def add_message(self, message: OutboxMessage) -> OutboxMessage:
        """Accept a message once: the stored record when its id is known already. Raises MessageConflict."""
        known = self.message(message.message_id)
        if known is not None:
            if known.data != message.data:
                raise MessageConflict(message.message_id)
            return known
        with self._write() as db:
            put_message(db, message)
        return message

    def begin_anew(self) -> None:
        """Go on as another stream: the file is a copy, older than what the journal knows of its own.

        Under the old stream id new events would bear numbers that the journal has, and be dropped as duplicates.
        Unsent events stay, and count as the new stream's: better there twice than never.
        """
        stream = secrets.token_hex(16)
        with self._write() as db:
            sessionschema.put_meta(db, "stream", [stream, self.next_event_number])
        self.stream, self.restored = stream, True
        settled(self.path)

    def prune(self, keep_finished: int, keep_timeline: int = 1000) -> None:
        """Drop all but the newest finished messages and timeline entries."""
        with self._write() as db:
            drop_old(db, keep_finished, keep_timeline)
        with self._guard():
            sqlitefile.give_back(self._db, 256)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._open:
            self._open = False
            with contextlib.suppress(StoreFailed):
                self.flush_acknowledged()
            self._db.close()

    def flush_acknowledged(self) -> None:
        """Drop acknowledged events from the file now."""
        if self._acknowledged:
            with self._write():
                pass

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; it takes acknowledged events along, so that they cost no fsync of their own."""
        with sqlitefile.transaction(self._db, self.path):
            drop_acknowledged(self._db, self._acknowledged)
            yield self._db

    def _guard(self) -> contextlib.AbstractContextManager[None]:
        return sqlitefile.reading(self.path)


def _build(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    sessionschema.migrate(connection)
    connection.execute("COMMIT")
