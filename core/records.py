"""Durable facts, as the stores keep them. Times are epoch seconds (UTC) unless a name says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from core.instances import Desired, InstanceConfig


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """One configured instance: what is wanted of it.

    `quarantine`: why the supervisor gave it up, None when it may run. `revision` grows with each change.
    """

    instance_id: str
    config: InstanceConfig
    desired: Desired = Desired.CONNECTED
    created_at: float = 0.0
    revision: int = 1
    quarantine: str | None = None


class Scope(Enum):
    """What a token may do; ADMIN includes all."""

    READ = "read"
    OPERATE = "operate"
    SEND = "send"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """One API token; only the SHA-256 of its value (hex) is kept. `instances`: None = all.

    `requests_per_minute`: its quota, 0 = unlimited, None = the server's (limits.requests_per_minute).
    """

    token_id: str
    name: str
    digest: str = field(repr=False)
    scopes: frozenset[Scope] = frozenset({Scope.READ})
    instances: frozenset[str] | None = None
    created_at: float = 0.0
    expires_at: float | None = None
    requests_per_minute: int | None = None


def no_token(token_id: str) -> str:
    """What is said of an id that no token has."""
    return (
        f"there is no token {token_id[:64]!r} (allowed: an id that `token list` or GET /api/v1/tokens shows)"
    )


@dataclass(frozen=True, slots=True)
class CrashRecord:
    """How one instance process ended when it should not have.

    `cause`: exit code or signal in words; `stack`: the exception or the faulthandler dump, if there was one;
    `phase`: the last reported link state; `memory_bytes`: private memory last reported.
    """

    instance_id: str
    at: float
    pid: int
    cause: str
    phase: str
    stack: str = ""
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One application event in an instance's store, numbered from 1 within its stream.

    `data`: JSON text. It travels to the journal as it is stored: nobody on the way pays for its values.
    """

    number: int
    kind: str
    data: str
    at: float


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """One event in the journal: `number` is global, strictly increasing, never reused."""

    number: int
    instance_id: str
    kind: str
    data: Mapping[str, Any]
    at: float


class MessageState(Enum):
    """An accepted message's way through the outbox."""

    ACCEPTED = "accepted"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """One accepted send. `data`: the encoded bytes, the same at every retry."""

    message_id: str
    data: bytes = field(repr=False)
    accepted_at: float
    expires_at: float
    state: MessageState = MessageState.ACCEPTED
    tries: int = 0
    finished_at: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """An accepted message without its bytes, which stay in the store until they are sent."""

    message_id: str
    expires_at: float
    tries: int = 0


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What became of an accepted message. `error`: why, unless it was sent; times: epoch seconds."""

    message_id: str
    state: MessageState
    finished_at: float
    tries: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """What happened to a link: operators read it to learn why it is down and what comes next.

    `delay_s`: the chosen wait; `next_at`: when the next attempt starts; `why_not`: why there is none.
    """

    at: float
    event: str
    state: str
    cause: str | None = None
    delay_s: float | None = None
    next_at: float | None = None
    why_not: str | None = None
