"""What the cells of the link's table do when a timer is due. One timer counts at a time: `link.timer` names it."""

from dataclasses import replace

from core.breaker import BreakerInput, BreakerState
from core.effects import LinkEffect, Publish, Record, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import Wake
from core.link_moves import Step, close_for, dial
from core.link_retry import PERMIT_SILENCE_S, ask, begin, step_breaker
from core.link_state import Context, Link, LinkState

# Links whose gate is gone dial at a random moment within this many seconds, not all at once.
UNANSWERED_SPREAD_S = 60.0


def wake_waiting(link: Link, event: Wake, context: Context) -> Step:
    """A retry is due, a hold must be renewed, or the gate above has not answered."""
    if event.timer != link.timer:
        return link, []
    match event.name:
        case "renew":
            return ask(link, context)
        case "permit":
            return _unanswered(link, context)
        case "unanswered":
            return dial(link, context)
        case _:
            return begin(link, context)


def _unanswered(link: Link, context: Context) -> Step:
    """Not even a hold came: the tree above is gone. Dial without a permit, but not everybody at the same moment."""
    wait_s = context.u * UNANSWERED_SPREAD_S
    at_s = context.now_s + wait_s
    cause = f"no answer to the permit request for {PERMIT_SILENCE_S:g} s"
    timed = replace(link, timer=link.timer + 1, cause=cause, next_at_s=at_s)
    return timed, [
        Record("link.unanswered", "WARN", {"cause": cause, "delay_s": wait_s}),
        WakeLink("unanswered", timed.timer, at_s),
        Publish(),
    ]


def wake_connecting(link: Link, event: Wake, context: Context) -> Step:
    """Dial or authentication took too long."""
    if event.timer != link.timer:
        return link, []
    what = "dial" if link.state is LinkState.DIALLING else "authentication"
    return close_for(link, Failure(FailureKind.TIMEOUT, f"{what} took too long"), "timeout", context)


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
    return ban_over(link, context)


def ban_over(link: Link, context: Context) -> Step:
    """The end of a temporary ban has passed: try again under the ordinary rules."""
    after, effects = begin(replace(link, failure=None, next_at_s=None, cause=None), context)
    return after, [Record("link.ban_over", "INFO", {"cause": "the temporary ban is over"}), *effects]
