"""What each cell of the link's table does. Every move takes (link, event, context) and returns a `Step`.

A move computes the new link first and lists the effects behind it; it never acts.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.breaker import BreakerInput, BreakerState
from core.effects import CloseTransport, Dial, LinkEffect, Publish, Record, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import Granted, Held, Lost, Opened, ProtocolFailed, Wake
from core.link_retry import ask, begin, failed, step_breaker
from core.link_state import Context, Link, LinkState, Verdict, verdict

Step = tuple[Link, list[LinkEffect]]
# The event's type differs by row of the table, so the handlers' common type leaves it open.
Handler = Callable[[Link, Any, Context], Step]

NORMAL_CLOSE = 1000
# The transport has its own dial deadline; the link's comes a little later and only catches a transport that hangs.
DEADLINE_GRACE_S = 2.0


def ignore(link: Link, event: Any, context: Context) -> Step:
    """An event that says nothing in this state."""
    return link, []


# ── wanted, unwanted ─────────────────────────────────────────────────────────────────────────────────────────────


def want(link: Link, event: Any, context: Context) -> Step:
    return begin(replace(link, wanted=True), context)


def want_again(link: Link, event: Any, context: Context) -> Step:
    """Already on the way, or parked: parked stays parked, for wanting does not mend what parked it."""
    if link.wanted:
        return link, []
    return replace(link, wanted=True), [Publish()]


def park_unwanted(link: Link, event: Any, context: Context) -> Step:
    """Idle or parked: only the wish changes; why a link is parked is not forgotten."""
    return replace(link, wanted=False), [Publish()]


def stop_waiting(link: Link, event: Any, context: Context) -> Step:
    idle = replace(
        enter(link, LinkState.IDLE, context),
        wanted=False,
        asking=False,
        next_at_s=None,
        cause=None,
        forced=False,
    )
    return idle, [Record("link.idle", "INFO", {"cause": "disconnected by the operator"}), Publish()]


def close_unwanted(link: Link, event: Any, context: Context) -> Step:
    unwanted = replace(link, wanted=False, forced=False)
    return _close(unwanted, None, "disconnected by the operator", context)


def close_reconfigured(link: Link, event: Any, context: Context) -> Step:
    return _close(link, None, "configuration changed", context)


def waiting_reconfigured(link: Link, event: Any, context: Context) -> Step:
    """A new configuration deserves a new try now, unless the breaker is open."""
    return begin(link, context)


def park_reconfigured(link: Link, event: Any, context: Context) -> Step:
    idle = replace(enter(link, LinkState.IDLE, context), failure=None, next_at_s=None, cause=None)
    return begin(idle, context) if link.wanted else (idle, [Publish()])


# ── dialling ─────────────────────────────────────────────────────────────────────────────────────────────────────


def granted(link: Link, event: Granted, context: Context) -> Step:
    return dial(link, context) if link.asking else (link, [])


def held(link: Link, event: Held, context: Context) -> Step:
    """The gate is alive and says wait: renew before the hold ends."""
    if not link.asking:
        return link, []
    timed = replace(link, timer=link.timer + 1, cause="held by the upstream gate")
    effects: list[LinkEffect] = [WakeLink("renew", timed.timer, context.now_s + event.renew_s)]
    return timed, effects if link.cause == timed.cause else [*effects, Publish()]


def dial(link: Link, context: Context) -> Step:
    """Start the attempt that the link's epoch names."""
    half_open = link.breaker.state is BreakerState.HALF_OPEN
    transport, policy = context.settings.transport, context.settings.breaker
    allowed_s = policy.probe_timeout_s if half_open else transport.dial_timeout_s + DEADLINE_GRACE_S
    dialling = replace(
        enter(link, LinkState.DIALLING, context),
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
        enter(link, LinkState.AUTHENTICATING, context), timer=link.timer + 1, deadline_s=deadline_s
    )
    return authenticating, [WakeLink("deadline", authenticating.timer, deadline_s), Publish()]


def authenticated(link: Link, event: Any, context: Context) -> Step:
    is_open = replace(
        enter(link, LinkState.OPEN, context),
        timer=link.timer + 1,
        opened_at_s=context.now_s,
        deadline_s=None,
        failure=None,
    )
    stable_at_s = context.now_s + context.settings.retry.stable_after_s
    return is_open, [
        Record("connection.update", "INFO", {"state": "open"}),
        Record("connection.open", "INFO", {"attempts": link.attempts}),
        WakeLink("stable", is_open.timer, stable_at_s),
        Publish(),
    ]


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def lost(link: Link, event: Lost, context: Context) -> Step:
    return failed(link, event.failure, context)


def close_failed(link: Link, event: ProtocolFailed, context: Context) -> Step:
    return _close(link, event.failure, event.failure.text, context)


def closed_by_peer(link: Link, event: Lost, context: Context) -> Step:
    """The socket broke while it was being closed: closed all the same."""
    return closed(link, event, context)


def closed(link: Link, event: Any, context: Context) -> Step:
    if link.pending is not None:
        return failed(replace(link, pending=None), link.pending, context)
    idle = replace(enter(link, LinkState.IDLE, context), opened_at_s=None, stable=False, deadline_s=None)
    closing = Record("connection.update", "INFO", {"state": "close"})
    if not link.wanted:
        return idle, [closing, Publish()]
    if link.forced:
        after, effects = dial(replace(idle, epoch=idle.epoch + 1), context)
    else:
        after, effects = begin(idle, context)
    return after, [closing, *effects]


def _close(link: Link, pending: Failure | None, reason: str, context: Context) -> Step:
    if link.state is LinkState.CLOSING:
        return link, [Publish()]
    closing = replace(enter(link, LinkState.CLOSING, context), pending=pending, timer=link.timer + 1)
    return closing, [CloseTransport(link.epoch, NORMAL_CLOSE, reason), Publish()]


# ── timers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def wake_waiting(link: Link, event: Wake, context: Context) -> Step:
    """A retry is due, a hold must be renewed, or the gate above has not answered."""
    if event.timer != link.timer:
        return link, []
    match event.name:
        case "renew":
            return ask(link, context)
        case "permit":
            # 30 s without any answer: the tree above is gone. Dial, but not everybody at the same moment.
            timed = replace(link, timer=link.timer + 1)
            return timed, [WakeLink("unanswered", timed.timer, context.now_s + context.u * 60.0)]
        case "unanswered":
            return dial(link, context)
        case _:
            return begin(link, context)


def wake_connecting(link: Link, event: Wake, context: Context) -> Step:
    """Dial or authentication took too long."""
    if event.timer != link.timer:
        return link, []
    what = "dial" if link.state is LinkState.DIALLING else "authentication"
    return _close(link, Failure(FailureKind.TIMEOUT, f"{what} took too long"), "timeout", context)


def wake_open(link: Link, event: Wake, context: Context) -> Step:
    """The connection lasted: attempts and failures are forgotten."""
    if event.timer != link.timer:
        return link, []
    was_half_open = link.breaker.state is not BreakerState.CLOSED
    stable = replace(
        link,
        stable=True,
        attempts=0,
        restart_used=False,
        breaker=step_breaker(link, BreakerInput.STABLE, context),
    )
    effects: list[LinkEffect] = [Record("retry.reset", "INFO", {"attempts": link.attempts})]
    if was_half_open:
        effects.append(Record("breaker.reset", "INFO", {"cause": "the probe's connection is stable"}))
    return stable, [*effects, Publish()]


def wake_parked(link: Link, event: Wake, context: Context) -> Step:
    """A temporary ban is over."""
    if event.timer != link.timer or not link.wanted:
        return link, []
    return begin(replace(link, failure=None, next_at_s=None, cause=None), context)


def wake_closing_or_idle(link: Link, event: Wake, context: Context) -> Step:
    """Timers of what was before; the transport has its own deadline for a close."""
    return link, []


# ── the operator ─────────────────────────────────────────────────────────────────────────────────────────────────


def force(link: Link, event: Any, context: Context) -> Step:
    """Clear breaker and backoff and dial without a permit; nothing happens where `verdict` says so."""
    if verdict(link, context.now_s) is not Verdict.STARTS:
        return link, []
    cleared = replace(
        link,
        wanted=True,
        attempts=0,
        failure=None,
        breaker=step_breaker(link, BreakerInput.RESET, context),
    )
    effects: list[LinkEffect] = []
    if link.breaker.state is not BreakerState.CLOSED:
        effects.append(Record("breaker.reset", "INFO", {"cause": "force-retry by the operator"}))
    if link.state is LinkState.CLOSING:
        return replace(cleared, forced=True, pending=None), [*effects, Publish()]
    after, dialling = dial(replace(cleared, epoch=link.epoch + 1), context)
    return after, [*effects, *dialling]


def reset(link: Link, event: Any, context: Context) -> Step:
    """Clear failures and attempts, close the breaker, and dial under the ordinary rules if the link waits."""
    cleared = replace(link, attempts=0, breaker=step_breaker(link, BreakerInput.RESET, context))
    record = Record("breaker.reset", "INFO", {"cause": "reset by the operator"})
    if link.state is LinkState.WAITING and not link.asking:
        after, effects = begin(cleared, context)
        return after, [record, *effects]
    return cleared, [record, Publish()]


def enter(link: Link, state: LinkState, context: Context) -> Link:
    return replace(link, state=state, since_s=context.now_s)
