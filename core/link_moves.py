"""What the cells of the link's table do about permits, dials and ends. Every move takes (link, event, context) and
returns a `Step`: it computes the new link first and lists the effects behind it; it never acts.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.breaker import BreakerInput, BreakerState
from core.effects import CloseTransport, Dial, LinkEffect, Publish, Record, ReportDial, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import Granted, Held, Lost, Opened, ProtocolFailed
from core.link_retry import ask, begin, failed, park, rest, step_breaker
from core.link_state import Context, Link, LinkState, enter
from core.upstream import CONVICTING

Step = tuple[Link, list[LinkEffect]]
# The event's type differs by row of the table, so the handlers' common type leaves it open.
Handler = Callable[[Link, Any, Context], Step]

NORMAL_CLOSE = 1000
# The transport has its own dial deadline; the link's comes a little later and only catches a transport that hangs.
DEADLINE_GRACE_S = 2.0


def ignore(link: Link, event: Any, context: Context) -> Step:
    """An event that says nothing in this state."""
    return link, []


# ── permits ──────────────────────────────────────────────────────────────────────────────────────────────────────


def granted(link: Link, event: Granted, context: Context) -> Step:
    """A permit that is found too late is not used: the dials of many that were paused together would not be paced."""
    if not link.asking:
        return link, []
    return dial(link, context) if context.now_s <= event.until_s else ask(link, context)


def held(link: Link, event: Held, context: Context) -> Step:
    """The gate is alive and says wait: renew before the hold ends."""
    if not link.asking:
        return link, []
    timed = replace(link, timer=link.timer + 1, cause=event.reason, next_at_s=None)
    effects: list[LinkEffect] = [WakeLink("renew", timed.timer, context.now_s + event.renew_s)]
    if link.cause == timed.cause:
        return timed, effects
    return timed, [Record("link.held", "INFO", {"cause": timed.cause}), *effects, Publish()]


def recovered(link: Link, event: Any, context: Context) -> Step:
    """Waiting for backoff or breaker has no point any more."""
    return _ask_early(
        link, context, Record("link.upstream_recovered", "INFO", {"cause": "the upstream is back"})
    )


def summoned(link: Link, event: Any, context: Context) -> Step:
    """One has to try, or nobody would notice the end of the outage."""
    return _ask_early(
        link, context, Record("link.summoned", "INFO", {"cause": "canary of an upstream that is down"})
    )


def version_refused(link: Link, event: Any, context: Context) -> Step:
    """What one instance was told holds for all that wait to dial the same upstream."""
    failure = Failure(FailureKind.OUTDATED, "the upstream refuses this client version")
    return park(replace(link, failure=failure, asking=False), failure, context)


def version_accepted(link: Link, event: Any, context: Context) -> Step:
    """The upstream lets somebody in again; whoever is parked for another reason stays parked."""
    if not link.wanted or link.failure is None or link.failure.kind is not FailureKind.OUTDATED:
        return link, []
    after, effects = begin(replace(link, failure=None, next_at_s=None, cause=None), context)
    return after, [
        Record("link.upstream_recovered", "INFO", {"cause": "the upstream lets us in again"}),
        *effects,
    ]


def _ask_early(link: Link, context: Context, why: Record) -> Step:
    """Ask for a permit now. A breaker that opened for the outage goes half-open; one that opened for this instance's
    own trouble stays as it is."""
    outage = link.failure is None or link.failure.kind in CONVICTING
    if link.asking or (link.breaker.state is BreakerState.OPEN and not outage):
        return link, []
    breaker = step_breaker(link, BreakerInput.PROBE, context)
    after, effects = begin(replace(link, breaker=breaker), context)
    return after, [why, *effects]


# ── dialling ─────────────────────────────────────────────────────────────────────────────────────────────────────


def dial(link: Link, context: Context) -> Step:
    """Start the attempt that the link's epoch names."""
    half_open = link.breaker.state is BreakerState.HALF_OPEN
    transport, policy = context.settings.transport, context.settings.breaker
    allowed_s = policy.probe_timeout_s if half_open else transport.dial_timeout_s + DEADLINE_GRACE_S
    dialling = replace(
        enter(link, LinkState.DIALLING, context.now_s),
        timer=link.timer + 1,
        asking=False,
        forced=False,
        stable=False,
        next_at_s=None,
        cause=None,
        deadline_s=context.now_s + allowed_s,
    )
    return dialling, [
        Record("socket.creating", "INFO", {"attempt": link.attempts + 1, "probe": half_open}),
        Record("connection.update", "INFO", {"state": "connecting"}),
        WakeLink("deadline", dialling.timer, context.now_s + allowed_s),
        Dial(link.epoch),
        Publish(),
    ]


def opened(link: Link, event: Opened, context: Context) -> Step:
    """The socket is open. A probe keeps its one deadline for dial and authentication together."""
    half_open = link.breaker.state is BreakerState.HALF_OPEN
    assert link.deadline_s is not None
    deadline_s = link.deadline_s if half_open else context.now_s + context.settings.transport.auth_timeout_s
    authenticating = replace(
        enter(link, LinkState.AUTHENTICATING, context.now_s), timer=link.timer + 1, deadline_s=deadline_s
    )
    return authenticating, [WakeLink("deadline", authenticating.timer, deadline_s), Publish()]


def authenticated(link: Link, event: Any, context: Context) -> Step:
    is_open = replace(
        enter(link, LinkState.OPEN, context.now_s),
        timer=link.timer + 1,
        opened_at_s=context.now_s,
        deadline_s=None,
        failure=None,
    )
    stable_at_s = context.now_s + context.settings.retry.stable_after_s
    return is_open, [
        Record("connection.update", "INFO", {"state": "open"}),
        Record("connection.open", "INFO", {"attempts": link.attempts}),
        ReportDial(None),
        WakeLink("stable", is_open.timer, stable_at_s),
        Publish(),
    ]


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def lost(link: Link, event: Lost, context: Context) -> Step:
    return failed(link, event.failure, context)


def close_failed(link: Link, event: ProtocolFailed, context: Context) -> Step:
    return close_for(link, event.failure, event.failure.text, context)


def close_for(link: Link, failure: Failure, reason: str, context: Context) -> Step:
    """Close because of a failure, which is dealt with once the socket is gone."""
    return close(replace(link, pending=failure, failure=failure), reason, context)


def close(link: Link, reason: str, context: Context) -> Step:
    """Close the socket. No timer runs meanwhile: the transport answers within its own deadline."""
    closing = replace(enter(link, LinkState.CLOSING, context.now_s), timer=link.timer + 1)
    return closing, [
        Record("link.closing", "INFO", {"cause": reason}),
        CloseTransport(link.epoch, NORMAL_CLOSE, reason),
        Publish(),
    ]


def closed_by_peer(link: Link, event: Lost, context: Context) -> Step:
    """The socket broke while it was being closed: closed all the same."""
    return closed(link, event, context)


def closed(link: Link, event: Any, context: Context) -> Step:
    if link.pending is not None:
        return failed(replace(link, pending=None), link.pending, context)
    ended = replace(link, opened_at_s=None, stable=False, deadline_s=None)
    if not link.wanted:
        after, effects = rest(ended, context)
    elif link.forced:
        after, effects = dial(replace(ended, epoch=link.epoch + 1), context)
    else:
        after, effects = begin(ended, context)
    return after, [Record("connection.update", "INFO", {"state": "close"}), *effects]
