"""One turn of an instance: what it decided to make durable, and what is to happen after that."""

from dataclasses import dataclass
from typing import Any

from core.effects import (
    Authenticated,
    Disconnected,
    Emit,
    Persist,
    ProtocolEffect,
    Record,
    Reply,
    Send,
    WakeAt,
)
from core.link_state import Link, LinkState
from core.records import MessageOutcome, TimelineEntry
from store.session import Batch

# Records that applications see as events; the others are for the log and the timeline.
PUBLIC = frozenset(
    {
        "connection.update",
        "connection.open",
        "link.parked",
        "link.held",
        "link.summoned",
        "link.upstream_recovered",
        "breaker.open",
        "breaker.half_open",
        "breaker.reset",
        "failures.high",
    }
)


@dataclass(frozen=True, slots=True)
class OfConnection:
    """What a protocol wants of the connection that it decided for; nothing of it may happen on another one.

    `epoch`: None when there was no connection. `behind_send`: the same decision sends something first.
    """

    epoch: int | None
    effect: Send | WakeAt | Authenticated | Disconnected | Reply
    behind_send: bool = False


class Turn:
    """`batch`: for the store, in one transaction; `after`: effects in order, once the batch is durable."""

    def __init__(self) -> None:
        self.batch = Batch()
        self.after: list[Any] = []

    def __bool__(self) -> bool:
        return bool(self.batch) or bool(self.after)

    def take(self) -> tuple[Batch, list[Any]]:
        """What came together so far; the turn goes on empty."""
        taken = self.batch, self.after
        self.batch, self.after = Batch(), []
        return taken

    def protocol(self, effects: list[ProtocolEffect], epoch: int | None, wall_s: float) -> None:
        """Sort a protocol's effects into what must be durable first and what follows, on this connection only."""
        sends = False
        for effect in effects:
            match effect:
                case Persist():
                    self.batch.changes.extend(effect.changes)
                case Emit():
                    self.batch.events.append((effect.kind, dict(effect.data), wall_s))
                case _:
                    self.after.append(OfConnection(epoch, effect, sends))
                    sends = sends or isinstance(effect, Send)

    def note(self, record: Record, link: Link, now_s: float, wall_s: float) -> None:
        """One fact about the link: a timeline entry, and for some an event that applications see."""
        fields = record.fields
        state = str(fields.get("state")) if record.event == "connection.update" else link.state.value
        self.batch.timeline.append(
            TimelineEntry(
                at=wall_s,
                event=record.event,
                state=state,
                cause=fields.get("reason") or fields.get("cause") or link.cause,
                delay_s=fields.get("delay_s"),
                next_at=None if link.next_at_s is None else link.next_at_s + wall_s - now_s,
                why_not=_why_not(link),
            )
        )
        if record.event in PUBLIC:
            self.batch.events.append((record.event, dict(fields), wall_s))

    def finished(self, message: MessageOutcome, wall_s: float) -> None:
        """A message of the outbox is done, one way or the other."""
        self.batch.outcomes.append(message)
        told = {"id": message.message_id, "error": message.error}
        self.batch.events.append((f"message.{message.state.value}", told, wall_s))


def _why_not(link: Link) -> str | None:
    """Why there is no next attempt, for the timeline."""
    if link.state is LinkState.PARKED:
        return link.failure.next_step if link.failure else "parked"
    return None if link.wanted else "not wanted"
