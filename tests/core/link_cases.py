"""Links as they are found in each state, one step of them, and what must hold of every step."""

from core import link as links
from core.breaker import Breaker, BreakerState
from core.config import Settings
from core.effects import LinkEffect, Publish, Record, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Event,
)
from core.link_state import Context, Link, LinkState

S = LinkState
NOW_S = 100.0
NETWORK = Failure(FailureKind.NETWORK, "connection refused")
UNLINKED = Failure(FailureKind.LOGGED_OUT, "unlinked")
REPLACED = Failure(FailureKind.REPLACED, "replaced by another client")
BANNED_FOR_A_MINUTE = Failure(FailureKind.TEMP_BANNED, "banned for a while", retry_after_s=60.0)
BANNED_FOR_SOME_TIME = Failure(FailureKind.TEMP_BANNED, "banned for a while")
OPENED_LONG_AGO = Breaker(BreakerState.OPEN, (1.0,), 10, -1000.0)
OPENED_JUST_NOW = Breaker(BreakerState.OPEN, (90.0,), 10, 90.0)
HALF_OPEN = Breaker(BreakerState.HALF_OPEN, (), 10, -1000.0)


def in_state(state: LinkState, **more: object) -> Link:
    """A link as it is found in this state."""
    usual: dict[str, object] = {"state": state, "wanted": state is not S.IDLE, "epoch": 3, "timer": 7}
    match state:
        case S.WAITING:
            usual |= {"asking": True}
        case S.DIALLING | S.AUTHENTICATING:
            usual |= {"deadline_s": NOW_S + 5}
        case S.OPEN:
            usual |= {"opened_at_s": NOW_S - 1}
        case S.PARKED:
            usual |= {"failure": UNLINKED, "cause": UNLINKED.text}
        case S.IDLE | S.CLOSING:
            pass
    return Link(**(usual | more))  # type: ignore[arg-type]


VISIBLE = ("state", "wanted", "attempts", "breaker", "failure", "next_at_s", "cause", "since_s")


def step(link: Link, event: Event, u: float = 0.0) -> tuple[Link, list[LinkEffect]]:
    """One step, with what must hold of every step."""
    after, effects = links.step(link, event, Context(NOW_S, u, Settings()))
    changed = {name for name in VISIBLE if getattr(link, name) != getattr(after, name)}
    assert not changed or Publish() in effects, f"{changed} changed and nobody was told"
    wakes = [effect for effect in effects if isinstance(effect, WakeLink)]
    assert [wake.timer for wake in wakes] in ([], [after.timer])
    if wakes or link.state is not after.state:
        assert after.timer > link.timer, "timers of what was before must not count any more"
    if link.state is not after.state:
        assert after.since_s == NOW_S
    return after, effects


def kinds_of(effects: list[LinkEffect]) -> list[type]:
    return [type(effect) for effect in effects if not isinstance(effect, Record)]


def names_of(effects: list[LinkEffect]) -> list[str]:
    return [effect.event for effect in effects if isinstance(effect, Record)]


def fields_of(effects: list[LinkEffect], event: str) -> dict[str, object]:
    return dict(next(one.fields for one in effects if isinstance(one, Record) and one.event == event))
