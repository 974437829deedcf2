"""When a link tries again: asking for a permit, waiting for the breaker, backing off, parking, resting."""

from dataclasses import replace

from core import breaker as breakers
from core.backoff import delay_s
from core.breaker import Breaker, BreakerInput, BreakerState
from core.effects import AskPermit, LinkEffect, Publish, Record, ReportDial, WakeLink
from core.failures import Failure, FailureKind
from core.link_state import Context, Link, LinkState, ban_ends_at_s, enter

# Without any answer to a permit request for this long, the tree above is gone.
PERMIT_SILENCE_S = 30.0


def step_breaker(link: Link, given: BreakerInput, context: Context) -> Breaker:
    return breakers.step(link.breaker, given, context.now_s, context.settings.breaker)


# ── beginning ────────────────────────────────────────────────────────────────────────────────────────────────────


def begin(link: Link, context: Context) -> tuple[Link, list[LinkEffect]]:
    """Start the next attempt under the ordinary rules: the breaker first, then a permit."""
    if link.breaker.state is not BreakerState.OPEN:
        return ask(replace(link, epoch=link.epoch + 1), context)
    wait_s = breakers.probe_at_s(link.breaker, context.settings.breaker) - context.now_s
    if wait_s > 0:
        after, effects = _await_probe(link, context)
        return after, [Record("link.waiting", "INFO", {"cause": after.cause, "delay_s": wait_s}), *effects]
    half_open = replace(link, breaker=step_breaker(link, BreakerInput.PROBE, context), epoch=link.epoch + 1)
    after, effects = ask(half_open, context)
    return after, [
        Record("breaker.half_open", "INFO", {"text": "Circuit breaker half-open: one probe"}),
        *effects,
    ]


def ask(link: Link, context: Context) -> tuple[Link, list[LinkEffect]]:
    """Ask the gate for the attempt that the link's epoch names; asking again while held shows nothing new."""
    asking = replace(
        enter(link, LinkState.WAITING, context.now_s),
        timer=link.timer + 1,
        asking=True,
        next_at_s=None,
        cause=link.cause if link.asking else None,
    )
    effects: list[LinkEffect] = [
        WakeLink("permit", asking.timer, context.now_s + PERMIT_SILENCE_S),
        AskPermit(link.epoch, probe=link.breaker.state is BreakerState.HALF_OPEN),
    ]
    shown_already = link.asking and link.next_at_s is None
    return asking, effects if shown_already else [*effects, Publish()]


# ── after a failure ──────────────────────────────────────────────────────────────────────────────────────────────


def failed(link: Link, failure: Failure, context: Context) -> tuple[Link, list[LinkEffect]]:
    """An attempt or an open connection ended: park, rest, or try again now, later, or when the breaker says so."""
    was_stable = link.stable
    down = replace(link, failure=failure, opened_at_s=None, stable=False, deadline_s=None, asking=False)
    if failure.kind is FailureKind.RESTART and link.wanted and not link.restart_used:
        seen = Record("link.restarting", "INFO", _facts(failure))
        after, effects = begin(replace(down, restart_used=True), context)
    else:
        seen = Record("socket.error", "ERROR", _facts(failure))
        after, effects = _stay_down(down, failure, was_stable, context)
    # A connection that had been open says nothing about dialling.
    told: list[LinkEffect] = [ReportDial(failure.kind)] if link.opened_at_s is None else []
    return after, [Record("connection.update", "INFO", {"state": "close"}), seen, *told, *effects]


def _stay_down(
    link: Link, failure: Failure, was_stable: bool, context: Context
) -> tuple[Link, list[LinkEffect]]:
    if failure.permanent:
        return park(link, failure, context)
    if not link.wanted:
        return rest(link, context)
    # A second RESTART without a stable connection in between is an upstream that cannot keep us.
    if failure.kind is FailureKind.RESTART:
        failure = replace(failure, kind=FailureKind.UPSTREAM)
    counted, warnings = _count(link, failure, context)
    if counted.breaker.state is BreakerState.OPEN:
        after, effects = _trip(counted, context)
    else:
        after, effects = _back_off(counted, failure, was_stable, context)
    return after, [*warnings, *effects]


def _count(link: Link, failure: Failure, context: Context) -> tuple[Link, list[LinkEffect]]:
    """One more failed attempt, with the high-failure warning once per crossing."""
    before = len(breakers.recent(link.breaker, context.now_s, context.settings.breaker))
    breaker = link.breaker
    # A probe that fails has failed, also when failures of its kind do not count otherwise.
    if failure.kind.policy.counts or breaker.state is BreakerState.HALF_OPEN:
        breaker = step_breaker(link, BreakerInput.FAILED, context)
    failures = len(breakers.recent(breaker, context.now_s, context.settings.breaker))
    counted = replace(link, attempts=link.attempts + 1, breaker=breaker)
    if before <= context.settings.failures.high < failures:
        return counted, [Record("failures.high", "WARN", {"failures": failures})]
    return counted, []


def _trip(link: Link, context: Context) -> tuple[Link, list[LinkEffect]]:
    after, effects = _await_probe(link, context)
    counts = {"failures": len(link.breaker.failures), "attempts": link.attempts}
    return after, [
        Record("breaker.open", "ERROR", counts),
        Record("breaker.waiting", "WARN", {"reset_after_s": context.settings.breaker.reset_after_s}),
        *effects,
    ]


def _await_probe(link: Link, context: Context) -> tuple[Link, list[LinkEffect]]:
    at_s = breakers.probe_at_s(link.breaker, context.settings.breaker)
    waiting = replace(
        enter(link, LinkState.WAITING, context.now_s),
        timer=link.timer + 1,
        asking=False,
        next_at_s=at_s,
        cause="circuit breaker open" + (f": {link.failure.text}" if link.failure else ""),
    )
    return waiting, [WakeLink("retry", waiting.timer, at_s), Publish()]


def _back_off(
    link: Link, failure: Failure, was_stable: bool, context: Context
) -> tuple[Link, list[LinkEffect]]:
    retry = context.settings.retry
    wait_s = delay_s(link.attempts, failure, retry, context.u, after_stable=was_stable)
    at_s = context.now_s + wait_s
    waiting = replace(
        enter(link, LinkState.WAITING, context.now_s),
        timer=link.timer + 1,
        next_at_s=at_s,
        cause=failure.text,
    )
    facts = {"delay_s": wait_s, "attempt": link.attempts, "reason": failure.text}
    return waiting, [
        Record("retry.scheduled", "WARN", facts),
        WakeLink("retry", waiting.timer, at_s),
        Publish(),
    ]


def wait_on(link: Link, at_s: float, context: Context) -> tuple[Link, list[LinkEffect]]:
    """Go on backing off as an earlier process began to."""
    waiting = replace(
        enter(link, LinkState.WAITING, context.now_s),
        timer=link.timer + 1,
        next_at_s=at_s,
        cause=link.failure.text if link.failure else None,
    )
    return waiting, [
        Record("link.waiting", "INFO", {"cause": waiting.cause, "delay_s": at_s - context.now_s}),
        WakeLink("retry", waiting.timer, at_s),
        Publish(),
    ]


# ── not trying ───────────────────────────────────────────────────────────────────────────────────────────────────


def park(link: Link, failure: Failure, context: Context) -> tuple[Link, list[LinkEffect]]:
    """No retry by itself; a temporary ban with a known end is tried again after it."""
    until_s = ban_ends_at_s(failure, context.now_s)
    # A probe that ends here has failed: what comes after the parking is another one.
    half_open = link.breaker.state is BreakerState.HALF_OPEN
    breaker = step_breaker(link, BreakerInput.FAILED, context) if half_open else link.breaker
    parked = replace(
        enter(link, LinkState.PARKED, context.now_s),
        breaker=breaker,
        timer=link.timer + 1,
        next_at_s=until_s,
        cause=failure.text,
        forced=False,
    )
    effects: list[LinkEffect] = [parked_record(parked)]
    if until_s is not None:
        effects.append(WakeLink("ban_over", parked.timer, until_s))
    return parked, [*effects, Publish()]


def parked_record(link: Link) -> Record:
    """What parked the link and what the operator can do."""
    failure = link.failure
    assert failure is not None
    text = f"Parked: {failure.text}. {failure.next_step}"
    return Record("link.parked", "ERROR", {"text": text, **_facts(failure)})


def rest(link: Link, context: Context) -> tuple[Link, list[LinkEffect]]:
    """Idle: nobody wants the link, and nothing is wrong with it."""
    idle = replace(
        enter(link, LinkState.IDLE, context.now_s),
        timer=link.timer + 1,
        asking=False,
        forced=False,
        failure=None,
        next_at_s=None,
        cause=None,
    )
    return idle, [Record("link.idle", "INFO", {"cause": "not wanted"}), Publish()]


def _facts(failure: Failure) -> dict[str, object]:
    return {"reason": failure.text, "kind": failure.kind.value, "status": failure.shown_status}
