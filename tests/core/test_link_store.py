"""What survives the process: breaker with its remaining open time, attempts, and why a link is parked."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.breaker import Breaker, BreakerState
from core.failures import Failure, FailureKind
from core.link_events import ForceRetry, Lost, Want
from core.link_state import Link, LinkState, export, of_version, restore
from tests.core.driver import Driver, refuses
from tests.core.link_carried import BAN, NEW_NOW_S, OLD_NOW_S, TRIPPED, WALL_S, carried, parked


def test_nothing_stored_is_a_new_link() -> None:
    assert restore(None, NEW_NOW_S, WALL_S) == Link(since_s=NEW_NOW_S)


def test_a_restored_link_begins_now_with_nothing_running() -> None:
    link = carried(Link(LinkState.OPEN, wanted=True, epoch=9, attempts=3, opened_at_s=OLD_NOW_S, stable=True))
    assert link == Link(attempts=3, since_s=NEW_NOW_S)


def test_an_open_breaker_keeps_its_remaining_time() -> None:
    link = carried(Link(breaker=TRIPPED, attempts=10), passed_s=150.0)
    assert link.breaker.failures == (NEW_NOW_S - 350, NEW_NOW_S - 250)
    driver = Driver(refuses, link=link, now_s=NEW_NOW_S)
    driver.do(Want())
    assert (link.attempts, driver.link.next_at_s) == (10, NEW_NOW_S + 600 - 100 - 150)
    driver.run(349.999)
    assert driver.dials == 0
    driver.run(0.001)
    assert driver.dials == 1


def test_the_open_time_goes_on_while_the_server_is_down() -> None:
    driver = Driver(refuses, link=carried(Link(breaker=TRIPPED), passed_s=3600.0), now_s=NEW_NOW_S)
    driver.do(Want())
    driver.run()
    assert driver.dials == 1


@pytest.mark.parametrize("back_s", [101.0, 86_400.0, 1e9], ids=["a little", "a day", "decades"])
def test_a_clock_that_went_back_makes_nobody_wait_longer_than_the_whole_open_time(back_s: float) -> None:
    link = carried(Link(breaker=TRIPPED), passed_s=-back_s)
    driver = Driver(refuses, link=link, now_s=NEW_NOW_S)
    driver.do(Want())
    assert driver.link.next_at_s == NEW_NOW_S + 600
    assert all(at_s <= NEW_NOW_S for at_s in link.breaker.failures)


def test_a_probe_that_died_with_its_process_is_due_again_at_once() -> None:
    probing = replace(TRIPPED, state=BreakerState.HALF_OPEN)
    driver = Driver(refuses, link=carried(Link(breaker=probing)), now_s=NEW_NOW_S)
    assert driver.breaker is BreakerState.OPEN
    driver.do(Want())
    driver.run()
    assert (driver.dials, driver.breaker) == (1, BreakerState.OPEN)


def test_a_restored_probe_can_be_stored_again_before_it_runs() -> None:
    probing = replace(TRIPPED, state=BreakerState.HALF_OPEN)
    again = restore(export(carried(Link(breaker=probing)), NEW_NOW_S, WALL_S), NEW_NOW_S, WALL_S)
    driver = Driver(refuses, link=again, now_s=NEW_NOW_S)
    driver.do(Want())
    driver.run()
    assert driver.dials == 1


# ── parked ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("again", [False, True], ids=["unlinked", "rejected"])
def test_a_parked_link_comes_back_parked_with_reason_and_time(again: bool) -> None:
    failure = Failure(FailureKind.LOGGED_OUT, "unlinked", 401, again=again)
    link = carried(parked(failure), passed_s=10.0)
    assert (link.state, link.wanted, link.failure, link.cause) == (
        LinkState.PARKED,
        False,
        failure,
        "unlinked",
    )
    assert link.since_s == NEW_NOW_S - 40
    driver = Driver(link=link, now_s=NEW_NOW_S)
    driver.do(Want())
    driver.run(86_400)
    assert driver.dials == 0


@pytest.mark.parametrize(
    ("kind", "version", "state"),
    [
        (FailureKind.OUTDATED, "1", LinkState.PARKED),
        (FailureKind.OUTDATED, "2", LinkState.IDLE),
        (FailureKind.LOGGED_OUT, "2", LinkState.PARKED),
        (None, "2", LinkState.IDLE),
    ],
)
def test_a_refused_version_parks_no_other_one(
    kind: FailureKind | None, version: str, state: LinkState
) -> None:
    link = Link() if kind is None else parked(Failure(kind, "why"))
    stored = export(link, OLD_NOW_S, WALL_S) | {"version": "1"}
    assert restore(of_version(stored, version), NEW_NOW_S, WALL_S).state is state


def test_a_parking_in_progress_is_not_lost_with_the_process() -> None:
    closing = Link(LinkState.CLOSING, wanted=True, pending=Failure(FailureKind.REPLACED, "replaced"))
    link = carried(closing)
    assert (link.state, link.cause) == (LinkState.PARKED, "replaced")
    driver = Driver(link=link, now_s=NEW_NOW_S)
    driver.do(ForceRetry())
    assert driver.dials == 1


@pytest.mark.parametrize(
    "pending", [None, Failure(FailureKind.NETWORK, "reset")], ids=["asked for", "for a passing failure"]
)
def test_any_other_close_comes_back_idle(pending: Failure | None) -> None:
    assert carried(Link(LinkState.CLOSING, wanted=True, pending=pending)).state is LinkState.IDLE


@pytest.mark.parametrize(
    "banned",
    [parked(BAN, next_at_s=OLD_NOW_S + 100), Link(LinkState.CLOSING, wanted=True, pending=BAN)],
    ids=["parked", "closing"],
)
def test_a_temporary_ban_ends_at_the_same_moment_in_the_new_process(banned: Link) -> None:
    driver = Driver(link=carried(banned, passed_s=40.0), now_s=NEW_NOW_S)
    driver.do(Want())
    driver.run(59.99)
    assert driver.dials == 0
    driver.run(0.02)
    assert driver.dials == 1


def test_a_ban_that_ended_while_the_server_was_down_is_over() -> None:
    driver = Driver(link=carried(parked(BAN, next_at_s=OLD_NOW_S + 100), passed_s=3600.0), now_s=NEW_NOW_S)
    driver.do(Want())
    driver.run()
    assert driver.dials == 1


@pytest.mark.parametrize("ahead_s", [3600.0, 2893 * 86_400.0, 1e12], ids=["an hour", "years", "aeons"])
def test_a_ban_stored_under_a_clock_that_was_ahead_is_no_longer_than_it_was(ahead_s: float) -> None:
    link = carried(parked(BAN, next_at_s=OLD_NOW_S + 70), passed_s=-ahead_s)
    assert (link.since_s, link.next_at_s) == (NEW_NOW_S, pytest.approx(NEW_NOW_S + 100, abs=1e-3))


@given(
    since_s=st.floats(0, 1e9),
    for_s=st.floats(0, 1e12),
    moved=st.floats(-1e12, 1e12),
)
def test_no_clock_makes_a_ban_longer_than_it_was_nor_than_a_year(
    since_s: float, for_s: float, moved: float
) -> None:
    banned = parked(BAN, since_s=OLD_NOW_S - since_s, next_at_s=OLD_NOW_S - since_s + for_s)
    link = carried(banned, moved)
    assert link.next_at_s is not None
    slack_s = 1e-3  # floats of that size
    assert link.since_s <= NEW_NOW_S + slack_s
    assert link.next_at_s <= NEW_NOW_S + min(for_s, 366 * 86_400.0) + slack_s
    if since_s + moved >= 0 and since_s + moved <= for_s <= 366 * 86_400.0:
        assert link.next_at_s == pytest.approx(NEW_NOW_S + for_s - since_s - moved, abs=slack_s)


def test_a_ban_of_unknown_length_waits_for_the_operator() -> None:
    driver = Driver(link=carried(parked(replace(BAN, retry_after_s=None))), now_s=NEW_NOW_S)
    driver.do(Want())
    driver.run(86_400)
    assert driver.dials == 0
    driver.do(ForceRetry())
    assert driver.dials == 1


@given(
    ages=st.lists(st.floats(0, 1000), max_size=12).map(lambda ages: sorted(ages, reverse=True)),
    open_for=st.none() | st.floats(0, 2000),
    moved=st.floats(-1e6, 1e6),
)
def test_whatever_the_clock_did_times_stay_in_order_and_in_the_past(
    ages: list[float], open_for: float | None, moved: float
) -> None:
    state = BreakerState.CLOSED if open_for is None else BreakerState.OPEN
    opened = None if open_for is None else OLD_NOW_S - open_for
    failures = tuple(OLD_NOW_S - age for age in ages)
    link = carried(Link(breaker=Breaker(state, failures, len(ages), opened)), passed_s=moved)
    assert list(link.breaker.failures) == sorted(link.breaker.failures)
    assert all(at_s <= NEW_NOW_S + 1e-6 for at_s in link.breaker.failures)
    assert (link.breaker.state, link.breaker.consecutive) == (state, len(ages))
    assert link.breaker.opened_at_s is None or link.breaker.opened_at_s <= NEW_NOW_S + 1e-6


def test_a_failure_after_the_restart_counts_on_from_those_before() -> None:
    nine = Breaker(failures=tuple(OLD_NOW_S - 10 * n for n in range(9, 0, -1)), consecutive=9)
    driver = Driver(refuses, link=carried(Link(breaker=nine, attempts=9)), now_s=NEW_NOW_S)
    driver.do(Want())
    driver.run(1)
    assert driver.breaker is BreakerState.OPEN
    assert Lost not in [type(effect) for _, effect in driver.effects]
