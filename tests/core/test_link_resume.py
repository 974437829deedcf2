"""What a link goes on with in the next process: its backoff, and the cause of an open breaker."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.breaker import BreakerState
from core.failures import Failure, FailureKind
from core.link_events import Closed, ProcessEnds, Summoned, Unwant, Want
from core.link_state import Link, LinkState, export, restore
from tests.core.driver import Driver, refuses
from tests.core.link_carried import BAN, NEW_NOW_S, OLD_NOW_S, TRIPPED, WALL_S, carried, parked

# ── backing off ──────────────────────────────────────────────────────────────────────────────────────────────────

THROTTLED = Failure(FailureKind.THROTTLED, "the server asks to wait (HTTP 429)", 429)


def backing_off(for_s: float = 40.0, **more: object) -> Link:
    waiting = Link(
        LinkState.WAITING, wanted=True, attempts=1, failure=THROTTLED, next_at_s=OLD_NOW_S + for_s, epoch=3
    )
    return replace(waiting, **more)  # type: ignore[arg-type]


def ended(link: Link) -> Link:
    """The link of a process that was asked to stop, once its socket is closed."""
    driver = Driver(link=link, now_s=OLD_NOW_S)
    driver.do(ProcessEnds())
    return driver.run().link


@pytest.mark.parametrize("last", [lambda link: link, ended], ids=["killed", "stopped"])
def test_a_backoff_goes_on_in_the_new_process(last: Callable[[Link], Link]) -> None:
    driver = Driver(refuses, link=carried(last(backing_off()), passed_s=10.0), now_s=NEW_NOW_S)
    driver.do(Want())
    assert (driver.state, driver.link.attempts) == (LinkState.WAITING, 1)
    assert (driver.link.failure, driver.link.cause) == (THROTTLED, THROTTLED.text)
    assert [record.fields for _, record in driver.records("link.waiting")] == [
        {"cause": THROTTLED.text, "delay_s": 30.0}
    ]
    driver.run(29.99)
    assert driver.dials == 0
    driver.run(0.02)
    assert driver.dials == 1


def test_a_backoff_outlasts_any_number_of_processes() -> None:
    link = backing_off()
    for _ in range(3):
        driver = Driver(refuses, link=carried(link), now_s=NEW_NOW_S)
        driver.do(Want())
        link = replace(
            driver.link, next_at_s=driver.link.next_at_s and driver.link.next_at_s + OLD_NOW_S - NEW_NOW_S
        )
        assert driver.dials == 0
    assert link.next_at_s == OLD_NOW_S + 40


WAITS: dict[str, tuple[float, float, float | None]] = {
    "over to the second": (40.0, 40.0, None),
    "over long ago": (40.0, 3600.0, None),
    "the clock went back": (40.0, -1e9, 40.0),
    "longer than anybody may ask": (1e9, 0.0, 86_400.0),
}


@pytest.mark.parametrize(("for_s", "passed_s", "left_s"), WAITS.values(), ids=WAITS.keys())
def test_no_clock_makes_a_backoff_longer(for_s: float, passed_s: float, left_s: float | None) -> None:
    link = carried(backing_off(for_s), passed_s)
    assert link.next_at_s == (None if left_s is None else NEW_NOW_S + left_s)
    driver = Driver(refuses, link=link, now_s=NEW_NOW_S)
    driver.do(Want())
    assert driver.link.asking is (left_s is None)


@given(for_s=st.floats(0, 1e9), moved=st.floats(-1e9, 1e9))
def test_a_backoff_lasts_at_most_what_was_left_of_it_and_a_day(for_s: float, moved: float) -> None:
    link = carried(backing_off(for_s), moved)
    left_s = 0.0 if link.next_at_s is None else link.next_at_s - NEW_NOW_S
    assert 0 <= left_s <= min(for_s, 86_400.0) + 1e-6
    assert moved > 0 or left_s >= min(for_s, 86_400.0) - 1e-6


@pytest.mark.parametrize(
    "link",
    [
        backing_off(asking=True),
        backing_off(state=LinkState.DIALLING),
        Link(LinkState.OPEN, wanted=True, opened_at_s=OLD_NOW_S),
    ],
    ids=["asking", "dialling", "open"],
)
def test_what_did_not_back_off_asks_at_once(link: Link) -> None:
    driver = Driver(refuses, link=carried(link), now_s=NEW_NOW_S)
    driver.do(Want())
    assert driver.link.asking


def test_a_link_that_nobody_wants_forgets_the_backoff_of_an_earlier_process() -> None:
    driver = Driver(refuses, link=carried(backing_off()), now_s=NEW_NOW_S)
    driver.do(Unwant())
    assert (driver.state, driver.link.failure, driver.link.next_at_s) == (LinkState.IDLE, None, None)
    driver.do(Want())
    assert driver.link.asking


def test_a_store_of_before_backoffs_were_kept_is_read() -> None:
    stored = export(backing_off(), OLD_NOW_S, WALL_S)
    del stored["failure"]
    assert restore(stored, NEW_NOW_S, WALL_S) == Link(attempts=1, since_s=NEW_NOW_S)


@pytest.mark.parametrize("last", [lambda link: link, ended], ids=["killed", "stopped"])
def test_an_open_breaker_keeps_its_cause(last: Callable[[Link], Link]) -> None:
    broken = Failure(FailureKind.PROTOCOL, "certificate refused")
    link = Link(LinkState.WAITING, True, breaker=TRIPPED, failure=broken, next_at_s=OLD_NOW_S + 500)
    driver = Driver(refuses, link=carried(last(link)), now_s=NEW_NOW_S)
    driver.do(Want())
    assert driver.link.cause == "circuit breaker open: certificate refused"
    assert driver.link.next_at_s == NEW_NOW_S + 500
    # Its own trouble, and no outage: it is no canary.
    driver.do(Summoned())
    assert driver.breaker is BreakerState.OPEN


# ── the process ends ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "state",
    [LinkState.WAITING, LinkState.DIALLING, LinkState.AUTHENTICATING, LinkState.OPEN, LinkState.CLOSING],
    ids=lambda state: state.value,
)
def test_a_process_that_ends_closes_what_is_open_and_begins_nothing(state: LinkState) -> None:
    driver = Driver(
        link=Link(state, wanted=True, epoch=3, forced=state is LinkState.CLOSING), now_s=OLD_NOW_S
    )
    driver.do(ProcessEnds())
    if state is LinkState.CLOSING:
        driver.do(Closed(3))
    driver.run(3600)
    assert (driver.state, driver.link.wanted, driver.dials) == (LinkState.IDLE, False, 0)


def test_a_ban_that_ends_while_the_process_ends_is_for_the_next_one() -> None:
    driver = Driver(link=carried(parked(BAN, next_at_s=OLD_NOW_S + 100)), now_s=NEW_NOW_S)
    driver.do(Want())
    driver.do(ProcessEnds())
    assert driver.do(ProcessEnds()) == []
    driver.run(3600)
    assert (driver.state, driver.dials) == (LinkState.PARKED, 0)
