"""When a link tries again: asking for a permit, waiting for the breaker, backing off, parking."""

from dataclasses import replace

from core import breaker as breakers
from core.backoff import delay_s
from core.breaker import Breaker, BreakerInput, BreakerState
from core.effects import AskPermit, LinkEffect, Publish, Record, WakeLink
from core.failures import Failure, FailureKind
from core.link_state import Context, Link, LinkState

# Without any answer to a permit request for this long, the tree above is gone.
PERMIT_SILENCE_S = 30.0


def step_breaker(link: Link, given: BreakerInput, context: Context) -> Breaker:
    return breakers.step(link.breaker, given, context.now_s, context.settings.breaker)


def begin(link: Link, context: Context) -> tuple[Link, list[LinkEffect]]:
    """Start the next attempt under the ordinary rules: the breaker first, then a permit."""
    if link.breaker.state is not BreakerState.OPEN:
        return ask(replace(link, epoch=link.epoch + 1), context)
    if breakers.probe_at_s(link.breaker, context.settings.breaker) > context.now_s:
        return _await_probe(link, context)
    half_open = replace(link, breaker=step_breaker(link, BreakerInput.PROBE, context), epoch=link.epoch + 1)
    after, effects = ask(half_open, context)
    return after, [
        Record("breaker.half_open", "INFO", {"text": "Circuit breaker half-open: one probe"}),
        *effects,
    ]


def ask(link: Link, context: Context) -> tuple[Link, list[LinkEffect]]:
    """Ask the gate for the attempt that the link's epoch names."""
    asking = replace(
        _waiting(link, context),
        timer=link.timer + 1,
        asking=True,
        next_at_s=None,
        cause=link.cause if link.asking else None,
    )
    return asking, [
        WakeLink("permit", asking.timer, context.now_s + PERMIT_SILENCE_S),
        AskPermit(link.epoch, probe=link.breaker.state is BreakerState.HALF_OPEN),
        Publish(),
    ]


def failed(link: Link, failure: Failure, context: Context) -> tuple[Link, list[LinkEffect]]:
    """An attempt or an open connection ended: retry later, wait for the breaker, or park."""
    was_stable = link.stable
    down = replace(link, failure=failure, opened_at_s=None, stable=False, deadline_s=None, asking=False)
    seen: list[LinkEffect] = [
        Record("connection.update", "INFO", {"state": "close"}),
        Record("socket.error", "ERROR", _facts(failure)),
    ]
    if not link.wanted:
        idle = replace(_waiting(down, context), state=LinkState.IDLE, next_at_s=None, cause=None)
        return idle, [*seen, Publish()]
    if failure.kind is FailureKind.RESTART and not link.restart_used:
        after, effects = begin(replace(down, restart_used=True), context)
    elif failure.permanent:
        after, effects = _park(down, failure, context)
    else:
        after, effects = _retry(down, failure, was_stable, context)
    return after, [*seen, *effects]


def _retry(link: Link, failure: Failure, was_stable: bool, context: Context) -> tuple[Link, list[LinkEffect]]:
    # A second RESTART without a stable connection in between is an upstream that cannot keep us.
    counted_failure = (
        replace(failure, kind=FailureKind.UPSTREAM) if failure.kind is FailureKind.RESTART else failure
    )
    before = len(breakers.recent(link.breaker, context.now_s, context.settings.breaker))
    if counted_failure.kind.policy.counts:
        link = replace(link, breaker=step_breaker(link, BreakerInput.FAILED, context))
    link = replace(link, attempts=link.attempts + 1)
    warnings = _high(link, before, context)
    if link.breaker.state is BreakerState.OPEN:
        after, effects = _await_probe(link, context)
        opening: list[LinkEffect] = [
            Record(
                "breaker.open", "ERROR", {"failures": len(link.breaker.failures), "attempts": link.attempts}
            ),
            Record("breaker.waiting", "WARN", {"reset_after_s": context.settings.breaker.reset_after_s}),
        ]
        return after, [*warnings, *opening, *effects]
    wait_s = delay_s(
        link.attempts, counted_failure, context.settings.retry, context.u, after_stable=was_stable
    )
    after = replace(
        _waiting(link, context), timer=link.timer + 1, next_at_s=context.now_s + wait_s, cause=failure.text
    )
    scheduled = Record(
        "retry.scheduled", "WARN", {"delay_s": wait_s, "attempt": link.attempts, "reason": failure.text}
    )
    return after, [*warnings, scheduled, WakeLink("retry", after.timer, context.now_s + wait_s), Publish()]


def _high(link: Link, before: int, context: Context) -> list[LinkEffect]:
    """The high-failure warning, once per crossing."""
    failures = len(breakers.recent(link.breaker, context.now_s, context.settings.breaker))
    if before <= context.settings.failures.high < failures:
        return [Record("failures.high", "WARN", {"failures": failures})]
    return []


def _await_probe(link: Link, context: Context) -> tuple[Link, list[LinkEffect]]:
    at_s = breakers.probe_at_s(link.breaker, context.settings.breaker)
    waiting = replace(
        _waiting(link, context),
        timer=link.timer + 1,
        asking=False,
        next_at_s=at_s,
        cause="circuit breaker open",
    )
    return waiting, [WakeLink("retry", waiting.timer, at_s), Publish()]


def _park(link: Link, failure: Failure, context: Context) -> tuple[Link, list[LinkEffect]]:
    """No retry by itself; a temporary ban with a known end is tried again after it."""
    until_s = None if failure.retry_after_s is None else context.now_s + failure.retry_after_s
    ends = failure.kind is FailureKind.TEMP_BANNED and until_s is not None
    parked = replace(
        _waiting(link, context),
        state=LinkState.PARKED,
        timer=link.timer + 1,
        next_at_s=until_s if ends else None,
        cause=failure.text,
    )
    text = f"Parked: {failure.text}. {failure.kind.policy.next_step}"
    effects: list[LinkEffect] = [Record("link.parked", "ERROR", {"text": text, **_facts(failure)})]
    if ends and until_s is not None:
        effects.append(WakeLink("ban_over", parked.timer, until_s))
    return parked, [*effects, Publish()]


def _waiting(link: Link, context: Context) -> Link:
    """In state WAITING; `since_s` moves only when the state does."""
    if link.state is LinkState.WAITING:
        return link
    return replace(link, state=LinkState.WAITING, since_s=context.now_s)


def _facts(failure: Failure) -> dict[str, object]:
    return {"reason": failure.text, "kind": failure.kind.value, "status": failure.shown_status}
