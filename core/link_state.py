"""A link's state, what operators may ask of it, and its form in the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from core.breaker import Breaker, BreakerState
from core.config import Settings
from core.failures import Failure, FailureKind


class LinkState(Enum):
    IDLE = "idle"
    WAITING = "waiting"
    DIALLING = "dialling"
    AUTHENTICATING = "authenticating"
    OPEN = "open"
    CLOSING = "closing"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `failure`: the last one; `pending`: the one a close in progress is for.

    `attempts`: failed attempts since the last stable connection. `asking`: a permit was requested. `stable`: the open
    connection has lasted. `restart_used`: the free reconnect after a RESTART is spent. `forced`: dial without a
    permit as soon as the close is complete. `deadline_s`: when dial and authentication must be done.
    `cause`: why the link waits, for people.
    """

    state: LinkState = LinkState.IDLE
    wanted: bool = False
    epoch: int = 0
    timer: int = 0
    attempts: int = 0
    breaker: Breaker = field(default_factory=Breaker)
    since_s: float = 0.0
    failure: Failure | None = None
    pending: Failure | None = None
    asking: bool = False
    stable: bool = False
    restart_used: bool = False
    forced: bool = False
    opened_at_s: float | None = None
    deadline_s: float | None = None
    next_at_s: float | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a step may look at beside the link: the time, one random number in [0, 1), the instance's settings."""

    now_s: float
    u: float
    settings: Settings


class Verdict(Enum):
    """What a force-retry would meet."""

    STARTS = "starts"
    SESSION_EXISTS = "session_exists"
    IN_PROGRESS = "in_progress"
    PARKED = "parked"


# Parked links that the operator may try again at once; the others need something else done first.
FORCEABLE = frozenset({FailureKind.REPLACED, FailureKind.CONFIG})


def verdict(link: Link, now_s: float) -> Verdict:
    """What a force-retry would do now."""
    match link.state:
        case LinkState.OPEN:
            return Verdict.SESSION_EXISTS
        case LinkState.DIALLING | LinkState.AUTHENTICATING:
            return Verdict.IN_PROGRESS
        case LinkState.PARKED:
            return Verdict.STARTS if _forceable(link, now_s) else Verdict.PARKED
        case LinkState.IDLE | LinkState.WAITING | LinkState.CLOSING:
            return Verdict.STARTS


def _forceable(link: Link, now_s: float) -> bool:
    assert link.failure is not None
    if link.failure.kind is FailureKind.TEMP_BANNED:
        return link.next_at_s is not None and link.next_at_s <= now_s
    return link.failure.kind in FORCEABLE


def export(link: Link, now_s: float, wall_s: float) -> dict[str, Any]:
    """What must survive the process, with wall-clock times, as plain values."""
    offset_s = wall_s - now_s
    parked = link.failure if link.state is LinkState.PARKED else None
    breaker = link.breaker
    return {
        "attempts": link.attempts,
        "breaker": breaker.state.value,
        "failures": [at + offset_s for at in breaker.failures],
        "consecutive": breaker.consecutive,
        "opened_at": None if breaker.opened_at_s is None else breaker.opened_at_s + offset_s,
        "parked": None
        if parked is None
        else {
            "kind": parked.kind.value,
            "text": parked.text,
            "status": parked.status,
            "until": None if link.next_at_s is None else link.next_at_s + offset_s,
        },
    }


def restore(stored: Mapping[str, Any] | None, now_s: float, wall_s: float) -> Link:
    """The link of a new process from what `export` stored. Times from the future are clamped to now.

    A half-open breaker comes back open and due at once: its probe died with the process.
    """
    if stored is None:
        return Link(since_s=now_s)
    offset_s = wall_s - now_s
    state = BreakerState(stored["breaker"])
    opened = stored["opened_at"]
    breaker = Breaker(
        state=BreakerState.OPEN if state is BreakerState.HALF_OPEN else state,
        failures=tuple(min(at, wall_s) - offset_s for at in stored["failures"]),
        consecutive=stored["consecutive"],
        opened_at_s=None if opened is None else min(opened, wall_s) - offset_s,
    )
    if state is BreakerState.HALF_OPEN:
        breaker = replace(breaker, opened_at_s=float("-inf"))
    link = Link(attempts=stored["attempts"], breaker=breaker, since_s=now_s)
    return _restore_parked(link, stored["parked"], offset_s)


def _restore_parked(link: Link, parked: Mapping[str, Any] | None, offset_s: float) -> Link:
    if parked is None:
        return link
    failure = Failure(FailureKind(parked["kind"]), parked["text"], parked["status"])
    until = parked["until"]
    next_at_s = None if until is None else until - offset_s
    return replace(link, state=LinkState.PARKED, failure=failure, next_at_s=next_at_s)
