"""The single writes that a batch consists of; the caller holds the transaction. No SQLAlchemy."""

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from core.effects import Change
from core.records import MessageOutcome, MessageState, OutboxMessage, TimelineEntry
from store.codec import checksum
from store.rows import MESSAGE_COLUMNS, MessageView, pack_entry, pack_event, pack_view, unpack_view, view_of

# Kind, data, epoch seconds.
Event = tuple[str, Mapping[str, Any], float]


def put_changes(db: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """Apply changes of protocol state in order."""
    for change in changes:
        where = (change.space, change.key)
        if change.value is None:
            db.execute("DELETE FROM entries WHERE space = ? AND key = ?", where)
        else:
            row = (*where, change.value)
            db.execute("REPLACE INTO entries VALUES (?, ?, ?, ?)", (*row, checksum(*row)))


def put_events(db: sqlite3.Connection, events: Iterable[Event], first: int) -> int:
    """Number the events from `first` on; returns the number after the last."""
    number = first
    for kind, data, at in events:
        row = (number, pack_event(kind, data, at))
        db.execute("INSERT INTO events VALUES (?, ?, ?)", (*row, checksum(*row)))
        number += 1
    return number


def put_message(db: sqlite3.Connection, message: OutboxMessage) -> None:
    """Insert a message at the end, or replace the one with its id where it is."""
    found = db.execute("SELECT seq FROM outbox WHERE message_id = ?", (message.message_id,)).fetchone()
    seq = found[0] if found else _next(db, "outbox")
    _put_view(db, seq, view_of(message))
    content = (seq, message.data)
    db.execute("REPLACE INTO contents VALUES (?, ?, ?)", (*content, checksum(*content)))


def put_outcome(db: sqlite3.Connection, outcome: MessageOutcome) -> None:
    """Finish a stored message; one that is not there any more needs no end."""
    where = (outcome.message_id,)
    row = db.execute(f"SELECT seq, {MESSAGE_COLUMNS} FROM outbox WHERE message_id = ?", where).fetchone()
    if row is not None:
        finished = replace(
            unpack_view(row[1:]),
            state=outcome.state,
            finished_at=outcome.finished_at,
            tries=outcome.tries,
            error=outcome.error,
        )
        _put_view(db, row[0], finished)


def _put_view(db: sqlite3.Connection, seq: int, view: MessageView) -> None:
    row = (seq, *pack_view(view))
    db.execute("REPLACE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, checksum(*row)))


def put_timeline(db: sqlite3.Connection, entries: Iterable[TimelineEntry]) -> None:
    for entry in entries:
        row = (_next(db, "timeline"), pack_entry(entry))
        db.execute("INSERT INTO timeline VALUES (?, ?, ?)", (*row, checksum(*row)))


def drop_acknowledged(db: sqlite3.Connection, up_to: int) -> None:
    db.execute("DELETE FROM events WHERE number <= ?", (up_to,))


def drop_old(db: sqlite3.Connection, keep_finished: int, keep_timeline: int) -> None:
    """Keep the newest finished messages, all unfinished ones, and the newest timeline entries."""
    old = "state != ?1 AND seq NOT IN (SELECT seq FROM outbox WHERE state != ?1 ORDER BY seq DESC LIMIT ?2)"
    values = (MessageState.ACCEPTED.value, keep_finished)
    db.execute(f"DELETE FROM contents WHERE seq IN (SELECT seq FROM outbox WHERE {old})", values)
    db.execute(f"DELETE FROM outbox WHERE {old}", values)
    db.execute(
        "DELETE FROM timeline WHERE number <= (SELECT MAX(number) FROM timeline) - ?", (keep_timeline,)
    )


def _next(db: sqlite3.Connection, table: str) -> int:
    """The next number of a table with AUTOINCREMENT: never one that was used and deleted, for cursors hold them."""
    row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return 1 if row is None else int(row[0]) + 1
