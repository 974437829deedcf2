"""A link's state, what operators may ask of it, and its form in the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, assert_never

from core.backoff import MAX_RETRY_AFTER_S
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

    @property
    def awaits_probe(self) -> bool:
        """True while only the breaker's open time keeps the link from dialling."""
        return self.state is LinkState.WAITING and self.breaker.state is BreakerState.OPEN and not self.asking

    @property
    def backs_off_until_s(self) -> float | None:
        """When a backoff ends, also of an idle link whose process ended meanwhile; None while something else counts:
        the gate, the breaker."""
        backs_off = self.state in (LinkState.IDLE, LinkState.WAITING) and not self.asking
        return self.next_at_s if backs_off and self.breaker.state is not BreakerState.OPEN else None


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

# An end further away than this is a mistake of the upstream's, not a ban.
LONGEST_BAN_S = 366 * 86_400.0


def verdict(link: Link, now_s: float) -> Verdict:
    """What a force-retry would do now."""
    match link.state:
        case LinkState.OPEN:
            return Verdict.SESSION_EXISTS
        case LinkState.DIALLING | LinkState.AUTHENTICATING:
            return Verdict.IN_PROGRESS
        case LinkState.PARKED | LinkState.CLOSING:
            return Verdict.STARTS if _forceable(link, now_s) else Verdict.PARKED
        case LinkState.IDLE | LinkState.WAITING:
            return Verdict.STARTS
    assert_never(link.state)


def _forceable(link: Link, now_s: float) -> bool:
    """A link that closes because of a permanent failure is as good as parked."""
    parked = link.state is LinkState.PARKED
    failure = link.failure if parked else link.pending
    if failure is None or not failure.permanent:
        return True
    if failure.kind is FailureKind.TEMP_BANNED:
        # Nobody may know the end; then the operator judges whether the ban is over.
        return parked and (link.next_at_s is None or link.next_at_s <= now_s)
    return failure.kind in FORCEABLE


def ban_ends_at_s(failure: Failure, now_s: float) -> float | None:
    """When a temporary ban that begins now is over; None when that is unknown or the failure is none."""
    if failure.kind is not FailureKind.TEMP_BANNED or failure.retry_after_s is None:
        return None
    return now_s + min(failure.retry_after_s, LONGEST_BAN_S)


def enter(link: Link, state: LinkState, now_s: float) -> Link:
    """The link in this state; `since_s` moves only when the state does."""
    return link if link.state is state else replace(link, state=state, since_s=now_s)


# ── the store's form ─────────────────────────────────────────────────────────────────────────────────────────────


def export(link: Link, now_s: float, wall_s: float) -> dict[str, Any]:
    """What must survive the process, with wall-clock times, as plain values."""
    offset_s = wall_s - now_s
    breaker = link.breaker
    return {
        "attempts": link.attempts,
        "breaker": breaker.state.value,
        "failures": [at + offset_s for at in breaker.failures],
        "consecutive": breaker.consecutive,
        "opened_at": None if breaker.opened_at_s is None else max(0.0, breaker.opened_at_s + offset_s),
        "failure": _export_failure(link, now_s, wall_s),
        "parked": _export_parked(link, now_s, offset_s),
    }


def _export_failure(link: Link, now_s: float, wall_s: float) -> dict[str, Any] | None:
    """The last failure of a link that tries again, and until when it backs off."""
    if link.failure is None or link.failure.permanent:
        return None
    until_s = link.backs_off_until_s
    return {
        **_plain(link.failure),
        "until": None if until_s is None else until_s - now_s + wall_s,
        "left_s": None if until_s is None else until_s - now_s,
    }


def _export_parked(link: Link, now_s: float, offset_s: float) -> dict[str, Any] | None:
    """Why the link is parked, or will be once its close is complete."""
    if link.state is LinkState.PARKED:
        failure, until_s = link.failure, link.next_at_s
    elif link.pending is not None and link.pending.permanent:
        failure, until_s = link.pending, ban_ends_at_s(link.pending, now_s)
    else:
        return None
    assert failure is not None
    return {
        **_plain(failure),
        "since": link.since_s + offset_s,
        "until": None if until_s is None else until_s + offset_s,
    }


def _plain(failure: Failure) -> dict[str, Any]:
    return {
        "kind": failure.kind.value,
        "text": failure.text,
        "status": failure.status,
        "again": failure.again,
    }


def of_version(stored: Mapping[str, Any], version: str) -> dict[str, Any]:
    """What was stored, as it holds for this version of the program: that an upstream refused another one says nothing
    about it."""
    parked = stored["parked"]
    outdated = parked is not None and parked["kind"] == FailureKind.OUTDATED.value
    return dict(stored) | ({"parked": None} if outdated and stored.get("version") != version else {})


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
    # Stores of before this was kept have no such entry.
    backing_off = _restore_failure(link, stored.get("failure"), now_s, wall_s)
    return _restore_parked(backing_off, stored["parked"], now_s, wall_s)


def _restore_failure(link: Link, failed: Mapping[str, Any] | None, now_s: float, wall_s: float) -> Link:
    """Why the link was down, and its wait, which no clock makes longer than what was left of it, nor than a day."""
    if failed is None:
        return link
    until = failed["until"]
    left_s = None if until is None else min(until - wall_s, failed["left_s"], MAX_RETRY_AFTER_S)
    return replace(
        link,
        failure=_failure(failed),
        next_at_s=None if left_s is None or left_s <= 0 else now_s + left_s,
    )


def _restore_parked(link: Link, parked: Mapping[str, Any] | None, now_s: float, wall_s: float) -> Link:
    if parked is None:
        return link
    offset_s, until = wall_s - now_s, parked["until"]
    since = min(parked["since"], wall_s)
    if until is not None:
        # Stored under a clock that was ahead: the ban is as long as it was, counted from now.
        until = min(until, since + (until - parked["since"]), wall_s + LONGEST_BAN_S)
    return replace(
        link,
        state=LinkState.PARKED,
        failure=_failure(parked),
        cause=parked["text"],
        since_s=since - offset_s,
        next_at_s=None if until is None else until - offset_s,
    )


def _failure(stored: Mapping[str, Any]) -> Failure:
    # Stores of before this was kept have no `again`.
    again = stored.get("again", False)
    return Failure(FailureKind(stored["kind"]), stored["text"], stored["status"], again=again)
