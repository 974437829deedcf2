"""The link and its breaker: waiting, probing, reopening, warnings, the operator's reset."""

from dataclasses import replace

import pytest

from core import link as links
from core.breaker import Breaker, BreakerState
from core.config import Settings
from core.effects import AskPermit, Record, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Granted,
    Lost,
    Opened,
    ResetBreaker,
    Want,
)
from core.link_state import Context, Link, LinkState
from tests.core.link_cases import (
    HALF_OPEN,
    NETWORK,
    NOW_S,
    OPENED_JUST_NOW,
    OPENED_LONG_AGO,
    UNLINKED,
    S,
    in_state,
    kinds_of,
    names_of,
    step,
)

# ── the breaker and the link ──────────────────────────────────────────────────────────────────────────────────────


def test_wanting_a_link_with_an_open_breaker_says_how_long_it_waits() -> None:
    link, effects = step(Link(breaker=OPENED_JUST_NOW), Want())
    assert (link.state, link.asking, link.next_at_s) == (S.WAITING, False, 690.0)
    record = next(effect for effect in effects if isinstance(effect, Record))
    assert (record.event, record.fields["delay_s"]) == ("link.waiting", 590.0)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (in_state(S.WAITING, asking=False, breaker=OPENED_JUST_NOW), True),
        (in_state(S.WAITING, asking=True, breaker=HALF_OPEN), False),
        (in_state(S.WAITING, asking=False), False),
        (in_state(S.IDLE, breaker=OPENED_JUST_NOW), False),
    ],
    ids=["open breaker", "half-open breaker", "backing off", "idle"],
)
def test_a_link_awaits_the_probe_while_only_the_breaker_keeps_it(link: Link, expected: bool) -> None:
    assert link.awaits_probe is expected


def test_an_open_breaker_that_is_due_goes_half_open_and_asks_for_a_probe() -> None:
    link, effects = step(Link(breaker=OPENED_LONG_AGO, epoch=8), Want())
    assert (link.breaker.state, link.epoch) == (BreakerState.HALF_OPEN, 9)
    assert AskPermit(link.epoch, probe=True) in effects
    assert names_of(effects) == ["breaker.half_open"]


def test_a_probe_has_one_deadline_for_dial_and_authentication() -> None:
    link, effects = step(in_state(S.WAITING, breaker=HALF_OPEN), Granted(3))
    assert WakeLink("deadline", link.timer, NOW_S + 20) in effects
    link, effects = links.step(link, Opened(3), Context(NOW_S + 19, 0.0, Settings()))
    assert WakeLink("deadline", link.timer, NOW_S + 20) in effects


@pytest.mark.parametrize("kind", [FailureKind.NETWORK, FailureKind.BUG], ids=lambda kind: kind.value)
def test_a_probe_that_fails_for_whatever_reason_opens_the_breaker_again(kind: FailureKind) -> None:
    link, effects = step(in_state(S.DIALLING, breaker=HALF_OPEN), Lost(3, Failure(kind, "no")))
    assert (link.breaker.state, link.breaker.opened_at_s) == (BreakerState.OPEN, NOW_S)
    assert names_of(effects)[-2:] == ["breaker.open", "breaker.waiting"]
    assert link.cause == "circuit breaker open: no"


def test_a_breaker_that_is_due_in_a_moment_is_waited_for() -> None:
    link, _ = step(Link(breaker=replace(OPENED_LONG_AGO, opened_at_s=NOW_S - 599.5)), Want())
    assert (link.asking, link.next_at_s) == (False, NOW_S + 0.5)


def test_a_probe_that_ends_parked_has_failed_too() -> None:
    link, _ = step(in_state(S.DIALLING, breaker=HALF_OPEN), Lost(3, UNLINKED))
    assert (link.state, link.breaker.state) == (S.PARKED, BreakerState.OPEN)


def test_a_bug_of_our_own_does_not_count_for_the_breaker() -> None:
    link, _ = step(in_state(S.OPEN), Lost(3, Failure(FailureKind.BUG, "our exception")))
    assert (link.attempts, link.breaker) == (1, Breaker())


def test_the_high_failure_warning_comes_once_per_crossing() -> None:
    def failing(failures: int) -> list[str]:
        breaker = Breaker(failures=tuple(90.0 + n for n in range(failures)), consecutive=failures)
        return names_of(step(in_state(S.OPEN, breaker=breaker), Lost(3, NETWORK))[1])

    assert [n for n in range(9) if "failures.high" in failing(n)] == [5]


# ── reset ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reset_closes_the_breaker_and_dials_under_the_ordinary_rules() -> None:
    waiting = in_state(S.WAITING, asking=False, breaker=OPENED_JUST_NOW, attempts=10, next_at_s=690.0)
    link, effects = step(waiting, ResetBreaker())
    assert (link.breaker, link.attempts, link.asking) == (Breaker(), 0, True)
    assert names_of(effects) == ["breaker.reset"]
    assert AskPermit(4, probe=False) in effects


@pytest.mark.parametrize("state", [s for s in S if s is not S.WAITING], ids=lambda state: state.value)
def test_reset_before_the_limit_clears_counters_and_disturbs_nothing(state: LinkState) -> None:
    before = in_state(state, attempts=4, breaker=Breaker(failures=(90.0,), consecutive=4))
    link, effects = step(before, ResetBreaker())
    assert link == replace(before, attempts=0, breaker=Breaker())
    assert names_of(effects) == ["breaker.reset"]


def test_reset_leaves_a_permit_request_alone() -> None:
    link, effects = step(in_state(S.WAITING, breaker=HALF_OPEN), ResetBreaker())
    assert (link.epoch, link.asking, link.breaker) == (3, True, Breaker())
    assert AskPermit not in kinds_of(effects)
