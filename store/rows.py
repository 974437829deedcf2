"""How records become the columns of a session file and back. No SQLAlchemy."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.records import MessageState, OutboxMessage, StoredEvent, TimelineEntry, WaitingMessage
from store.codec import packb, to_json, unpackb

MESSAGE_COLUMNS = "message_id, state, finished_at, body"


def pack_message(message: OutboxMessage) -> tuple[str, str, float | None, bytes]:
    """The columns MESSAGE_COLUMNS of one outbox row."""
    m = message
    body = packb([m.data, m.accepted_at, m.expires_at, m.tries, m.error])
    # A REAL column gives floats back, and the checksum tells 1 from 1.0.
    finished_at = None if m.finished_at is None else float(m.finished_at)
    return m.message_id, m.state.value, finished_at, body


def unpack_message(row: tuple[Any, ...]) -> OutboxMessage:
    """An outbox row's MESSAGE_COLUMNS as a record; raises Undecodable."""
    message_id, state, finished_at, body = row
    data, accepted_at, expires_at, tries, error = unpackb(body)
    return OutboxMessage(
        message_id, data, accepted_at, expires_at, MessageState(state), tries, finished_at, error
    )


@dataclass(frozen=True, slots=True)
class MessageView:
    """An accepted send without its content: a page of contents could be half a gigabyte."""

    message_id: str
    size_bytes: int
    accepted_at: float
    expires_at: float
    state: MessageState
    tries: int
    finished_at: float | None
    error: str | None


def view_of(m: OutboxMessage) -> MessageView:
    return MessageView(
        m.message_id, len(m.data), m.accepted_at, m.expires_at, m.state, m.tries, m.finished_at, m.error
    )


def pack_entry(entry: TimelineEntry) -> bytes:
    e = entry
    return packb([e.at, e.event, e.state, e.cause, e.delay_s, e.next_at, e.why_not])


def unpack_entry(body: bytes) -> TimelineEntry:
    return TimelineEntry(*unpackb(body))


def pack_event(kind: str, data: Any, at: float) -> bytes:
    """The body of an event's row. JSON inside: what cannot go on into the journal is refused here, as Unstorable."""
    return packb([kind, to_json(data), at])


def unpack_event(number: int, body: bytes) -> StoredEvent:
    return StoredEvent(number, *unpackb(body))


def waiting_of(message: OutboxMessage) -> WaitingMessage:
    """What of an accepted message is kept in memory."""
    return WaitingMessage(message.message_id, message.expires_at, message.tries)


def within_budget(rows: Iterable[tuple[int, bytes]], max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Rows until the next one would make the batch too large to travel between processes in one piece."""
    total = 0
    for number, body in rows:
        total += len(body)
        if total > max_bytes and total > len(body):
            return
        yield number, body
