"""How records become the columns of a session file and back. No SQLAlchemy."""

from typing import Any

from core.records import MessageState, OutboxMessage, StoredEvent, TimelineEntry
from store.codec import packb, unpackb

MESSAGE_COLUMNS = "message_id, state, finished_at, body"


def pack_message(message: OutboxMessage) -> tuple[str, str, float | None, bytes]:
    """The columns MESSAGE_COLUMNS of one outbox row."""
    m = message
    body = packb([m.data, m.accepted_at, m.expires_at, m.tries, m.error])
    return m.message_id, m.state.value, m.finished_at, body


def unpack_message(row: tuple[Any, ...]) -> OutboxMessage:
    """An outbox row's MESSAGE_COLUMNS as a record; raises Undecodable."""
    message_id, state, finished_at, body = row
    data, accepted_at, expires_at, tries, error = unpackb(body)
    return OutboxMessage(
        message_id, data, accepted_at, expires_at, MessageState(state), tries, finished_at, error
    )


def pack_entry(entry: TimelineEntry) -> bytes:
    e = entry
    return packb([e.at, e.event, e.state, e.cause, e.delay_s, e.next_at, e.why_not])


def unpack_entry(body: bytes) -> TimelineEntry:
    return TimelineEntry(*unpackb(body))


def pack_event(kind: str, data: Any, at: float) -> bytes:
    return packb([kind, data, at])


def unpack_event(number: int, body: bytes) -> StoredEvent:
    kind, data, at = unpackb(body)
    return StoredEvent(number, kind, data, at)
