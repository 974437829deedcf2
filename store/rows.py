"""How records become the columns of a session file and back. No SQLAlchemy."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.records import MessageState, OutboxMessage, StoredEvent, TimelineEntry, WaitingMessage
from store.codec import packb, to_json, unpackb

MESSAGE_COLUMNS = "message_id, state, finished_at, size, body"


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


def pack_view(view: MessageView) -> tuple[str, str, float | None, int, bytes]:
    """The columns MESSAGE_COLUMNS of one outbox row."""
    v = view
    body = packb([v.accepted_at, v.expires_at, v.tries, v.error])
    # A REAL column gives floats back, and the checksum tells 1 from 1.0.
    finished_at = None if v.finished_at is None else float(v.finished_at)
    return v.message_id, v.state.value, finished_at, v.size_bytes, body


def unpack_view(row: tuple[Any, ...]) -> MessageView:
    """An outbox row's MESSAGE_COLUMNS; raises Undecodable."""
    message_id, state, finished_at, size, body = row
    accepted_at, expires_at, tries, error = unpackb(body)
    return MessageView(
        message_id, size, accepted_at, expires_at, MessageState(state), tries, finished_at, error
    )


def unpack_old_view(row: tuple[Any, ...]) -> MessageView:
    """The same of a file whose bodies hold the content, too: it has no size."""
    *head, body = row
    data, *rest = unpackb(body)
    return unpack_view((*head, len(data), packb(rest)))


def message_of(view: MessageView, data: bytes) -> OutboxMessage:
    """The whole record, with its content."""
    v = view
    return OutboxMessage(
        v.message_id, data, v.accepted_at, v.expires_at, v.state, v.tries, v.finished_at, v.error
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


def waiting_of(message: MessageView) -> WaitingMessage:
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
