"""Accepted sends of one instance: their order, pace, retry and expiry.

The outbox, not the HTTP request, talks to the upstream. Messages leave in the order they were accepted, one at a
time, paced by a token bucket; a message is sent again with the same bytes until it is done or expires. Times of
messages are epoch seconds, those of pacing are monotonic. The bytes stay in the store: a full outbox of the largest
messages would be more than a process may hold.
"""

from dataclasses import dataclass, replace

from core.config import OutboxSettings
from core.gate import TokenBucket, filled, take
from core.records import MessageOutcome, MessageState, OutboxMessage, WaitingMessage

# The wait before a message that failed in passing is tried again.
RETRY_S = 5.0


@dataclass(frozen=True, slots=True)
class Outbox:
    """`waiting`: oldest first; `in_flight`: the id handed to the protocol and not yet answered."""

    waiting: tuple[WaitingMessage, ...]
    bucket: TokenBucket
    in_flight: str | None = None
    not_before_s: float = 0.0

    @classmethod
    def of(cls, waiting: tuple[WaitingMessage, ...], policy: OutboxSettings, now_s: float) -> "Outbox":
        return cls(waiting, TokenBucket.full(policy.rate_per_s, policy.burst, now_s))


@dataclass(frozen=True, slots=True)
class Transmit:
    """Hand this message to the protocol now."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Look again at `until_s` (monotonic)."""

    until_s: float


def accept(message_id: str, data: bytes, policy: OutboxSettings, wall_s: float) -> OutboxMessage:
    """A newly accepted message."""
    return OutboxMessage(message_id, data, accepted_at=wall_s, expires_at=wall_s + policy.expire_after_s)


def full(outbox: Outbox, policy: OutboxSettings) -> bool:
    """True when one more message must be refused."""
    return len(outbox.waiting) >= policy.max_messages


def add(outbox: Outbox, message: OutboxMessage) -> Outbox:
    """The outbox with one more message at its end."""
    return replace(outbox, waiting=(*outbox.waiting, WaitingMessage(message.message_id, message.expires_at)))


def expire(outbox: Outbox, wall_s: float) -> tuple[Outbox, tuple[MessageOutcome, ...]]:
    """Take out what has expired; a message in flight is left to its answer."""
    gone = tuple(
        MessageOutcome(
            one.message_id, MessageState.EXPIRED, wall_s, one.tries, "expired before it could be sent"
        )
        for one in outbox.waiting
        if one.expires_at <= wall_s and one.message_id != outbox.in_flight
    )
    ids = {one.message_id for one in gone}
    kept = tuple(one for one in outbox.waiting if one.message_id not in ids)
    return (replace(outbox, waiting=kept) if gone else outbox), gone


def next_send(outbox: Outbox, now_s: float) -> tuple[Outbox, Transmit | Pause | None]:
    """What to do on an open link: transmit the oldest, pause for the pace, or nothing."""
    if outbox.in_flight is not None or not outbox.waiting:
        return outbox, None
    if now_s < outbox.not_before_s:
        return outbox, Pause(outbox.not_before_s)
    bucket, wait_s = take(outbox.bucket, now_s)
    if wait_s > 0:
        return replace(outbox, bucket=bucket), Pause(now_s + wait_s)
    first = replace(outbox.waiting[0], tries=outbox.waiting[0].tries + 1)
    sending = replace(outbox, bucket=bucket, in_flight=first.message_id, waiting=(first, *outbox.waiting[1:]))
    return sending, Transmit(first.message_id)


def answered(
    outbox: Outbox, message_id: str, error: str | None, retry: bool, now_s: float, wall_s: float
) -> tuple[Outbox, MessageOutcome | None]:
    """The protocol's answer: sent, failed, or to be tried again (then the message stays and None is returned)."""
    found = next((one for one in outbox.waiting if one.message_id == message_id), None)
    free = replace(outbox, in_flight=None if outbox.in_flight == message_id else outbox.in_flight)
    if found is None:
        return free, None
    if error is not None and retry:
        return replace(free, not_before_s=now_s + RETRY_S), None
    state = MessageState.SENT if error is None else MessageState.FAILED
    done = MessageOutcome(message_id, state, wall_s, found.tries, error)
    return replace(free, waiting=tuple(one for one in free.waiting if one is not found)), done


def link_closed(outbox: Outbox) -> Outbox:
    """The link went down: what was in flight is sent again when it is back."""
    return replace(outbox, in_flight=None)


def paced(outbox: Outbox, policy: OutboxSettings, now_s: float) -> Outbox:
    """The outbox under changed settings; what the old pace had saved up is kept, up to the new burst."""
    before = filled(outbox.bucket, now_s)
    saved = min(before.tokens, policy.burst)
    return replace(outbox, bucket=TokenBucket(policy.rate_per_s, policy.burst, saved, before.at_s))
