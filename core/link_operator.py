"""What the cells of the link's table do when the operator speaks: wanted or not, forced, reset, reconfigured.

And when the process ends, which is no wish about the link.
"""

from dataclasses import replace
from typing import Any

from core.breaker import BreakerInput, BreakerState
from core.effects import LinkEffect, Publish, Record, WakeLink
from core.link_moves import Step, close, dial
from core.link_retry import begin, parked_record, rest, step_breaker, wait_on
from core.link_state import Context, Link, LinkState, Verdict, enter, verdict
from core.link_timers import ban_over

UNWANTED = "disconnect requested"
RECONFIGURED = "configuration changed"
ENDING = "the process ends"


# ── wanted, unwanted ─────────────────────────────────────────────────────────────────────────────────────────────


def want(link: Link, event: Any, context: Context) -> Step:
    """A wait that began in an earlier process goes on: a restart is no reason to press an upstream."""
    wanted, at_s = replace(link, wanted=True), link.backs_off_until_s
    if at_s is None or at_s <= context.now_s:
        return begin(wanted, context)
    return wait_on(wanted, at_s, context)


def want_again(link: Link, event: Any, context: Context) -> Step:
    """Already on the way, or closing: then it begins anew once closed."""
    if link.wanted:
        return link, []
    return replace(link, wanted=True), [Publish()]


def want_parked(link: Link, event: Any, context: Context) -> Step:
    """Parked stays parked, for wanting does not mend what parked it; but a temporary ban ends by itself."""
    if link.wanted:
        return link, []
    wanted = replace(link, wanted=True, timer=link.timer + 1)
    if link.next_at_s is None:
        return wanted, [parked_record(link), Publish()]
    if link.next_at_s <= context.now_s:
        return ban_over(wanted, context)
    return wanted, [parked_record(link), WakeLink("ban_over", wanted.timer, link.next_at_s), Publish()]


def rest_unwanted(link: Link, event: Any, context: Context) -> Step:
    """Nothing is waited for any more, also not what an earlier process waited for."""
    return (link, []) if link.failure is None else rest(link, context)


def park_unwanted(link: Link, event: Any, context: Context) -> Step:
    """Only the wish changes; why a link is parked is not forgotten. Unless connecting anew is all that it needs."""
    if link.failure is not None and link.failure.again:
        return rest(replace(link, wanted=False), context)
    return (replace(link, wanted=False), [Publish()]) if link.wanted else (link, [])


def stop_waiting(link: Link, event: Any, context: Context) -> Step:
    return rest(replace(link, wanted=False), context)


def close_unwanted(link: Link, event: Any, context: Context) -> Step:
    if link.state is LinkState.CLOSING:
        # As when it is parked already: after a disconnect, what needs no more than that is tried again.
        pending = None if link.pending is not None and link.pending.again else link.pending
        return replace(link, wanted=False, forced=False, pending=pending), [Publish()]
    return close(replace(link, wanted=False), UNWANTED, context)


# ── the process ends ─────────────────────────────────────────────────────────────────────────────────────────────


def end_waiting(link: Link, event: Any, context: Context) -> Step:
    """Idle like after `core.link_state.restore`: with the failure and the wait that the next process goes on with."""
    idle = replace(
        enter(link, LinkState.IDLE, context.now_s),
        wanted=False,
        timer=link.timer + 1,
        asking=False,
        next_at_s=link.backs_off_until_s,
        cause=None,
    )
    return idle, [Record("link.idle", "INFO", {"cause": ENDING}), Publish()]


def end_connection(link: Link, event: Any, context: Context) -> Step:
    return close(replace(link, wanted=False), ENDING, context)


def end_closed(link: Link, event: Any, context: Context) -> Step:
    """Nothing begins after the close, nor after a temporary ban: that is for the next process."""
    return (replace(link, wanted=False, forced=False), [Publish()]) if link.wanted else (link, [])


# ── reconfigured ─────────────────────────────────────────────────────────────────────────────────────────────────


def close_reconfigured(link: Link, event: Any, context: Context) -> Step:
    """A close in progress may be for a permanent failure: the new configuration deserves a try of its own."""
    if link.state is not LinkState.CLOSING:
        return close(link, RECONFIGURED, context)
    if link.pending is None or not link.pending.permanent:
        return link, []
    return replace(link, pending=None, failure=None), [_reconfigured(), Publish()]


def waiting_reconfigured(link: Link, event: Any, context: Context) -> Step:
    """A new configuration deserves a new try now, unless the breaker is open."""
    after, effects = begin(link, context)
    return after, [_reconfigured(), *effects]


def park_reconfigured(link: Link, event: Any, context: Context) -> Step:
    freed = replace(link, failure=None, next_at_s=None, cause=None)
    after, effects = begin(freed, context) if link.wanted else rest(freed, context)
    return after, [_reconfigured(), *effects]


def _reconfigured() -> Record:
    return Record("link.reconfigured", "INFO", {"cause": RECONFIGURED})


# ── forced, reset ────────────────────────────────────────────────────────────────────────────────────────────────


def force(link: Link, event: Any, context: Context) -> Step:
    """Clear breaker and backoff and dial without a permit; nothing happens where `verdict` says so."""
    if verdict(link, context.now_s) is not Verdict.STARTS:
        return link, []
    cause = "force-retry by the operator"
    cleared = replace(_cleared(link, context), wanted=True, failure=None)
    effects: list[LinkEffect] = [Record("link.forced", "INFO", {"cause": cause})]
    if link.breaker.state is not BreakerState.CLOSED:
        effects.append(Record("breaker.reset", "INFO", {"cause": cause}))
    if link.state is LinkState.CLOSING:
        return replace(cleared, forced=True, pending=None), [*effects, Publish()]
    after, dialling = dial(replace(cleared, epoch=link.epoch + 1), context)
    return after, [*effects, *dialling]


def reset(link: Link, event: Any, context: Context) -> Step:
    """Clear failures and attempts, close the breaker, and dial under the ordinary rules if the link waits."""
    cleared = _cleared(link, context)
    record = Record("breaker.reset", "INFO", {"cause": "reset by the operator"})
    if link.state is LinkState.WAITING and not link.asking:
        after, effects = begin(cleared, context)
        return after, [record, *effects]
    return cleared, [record, Publish()]


def _cleared(link: Link, context: Context) -> Link:
    breaker = step_breaker(link, BreakerInput.RESET, context)
    return replace(link, attempts=0, restart_used=False, breaker=breaker)
