"""The numbers operators know, on a simulated clock: delays, the cap, the trip, and the half-open probe."""

from collections.abc import Callable

import pytest

from core import loglines
from core.breaker import BreakerState
from core.config import Settings
from core.link_events import Lost, Opened, Want
from core.link_state import LinkState
from tests.core.driver import (
    REFUSED,
    Driver,
    Script,
    accepts,
    hangs,
    old_numbers,
    refuses,
    times_out,
    with_breaker,
)

OLD_DELAYS = [15.0, 15.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0]


def wanted(upstream: Callable[[int], Script], settings: Settings | None = None, u: float = 0.0) -> Driver:
    driver = Driver(upstream, settings, u=u)
    driver.do(Want())
    return driver


def test_a_refused_upstream_is_retried_after_the_old_delays_until_the_tenth_failure_trips() -> None:
    driver = wanted(refuses).run(3600)
    assert driver.delays() == OLD_DELAYS
    assert next(at_s for at_s, _ in driver.records("breaker.open")) == sum(OLD_DELAYS) == 240.0


def test_the_log_shows_the_old_delays_in_whole_milliseconds() -> None:
    driver = wanted(refuses).run(200)
    lines = [loglines.text(r.event, r.fields, "toko1") for _, r in driver.records("retry.scheduled")]
    assert lines[:5] == [f"🔄 Retrying connection after {ms}ms" for ms in (15000, 15000, 15000, 20000, 25000)]


def test_the_backoff_stops_growing_at_sixty_seconds() -> None:
    driver = wanted(refuses, with_breaker(old_numbers(), failure_threshold=100)).run(3600)
    assert driver.delays()[9:15] == [50.0, 55.0, 60.0, 60.0, 60.0, 60.0]


def test_a_timeout_is_never_retried_before_thirty_seconds() -> None:
    driver = wanted(times_out).run(3600)
    assert driver.delays() == [30.0] * 6 + [35.0, 40.0, 45.0]


def test_ten_timeouts_in_a_row_trip_although_they_do_not_fit_into_the_window() -> None:
    driver = wanted(times_out).run(499.9)
    assert driver.breaker is BreakerState.CLOSED
    driver.run(0.1)
    assert driver.breaker is BreakerState.OPEN
    assert [at_s for at_s, _ in driver.records("breaker.open")] == [500.0]
    inside = [at_s for at_s in driver.link.breaker.failures if at_s > 500.0 - 300.0]
    assert len(inside) < 10


def test_ten_refusals_trip_inside_the_window() -> None:
    driver = wanted(refuses).run(240)
    assert driver.breaker is BreakerState.OPEN
    assert len(driver.link.breaker.failures) == 10
    assert driver.link.breaker.failures[0] > 240.0 - 300.0


def test_an_open_breaker_waits_ten_minutes_and_then_probes_once() -> None:
    driver = wanted(refuses).run(239)
    assert driver.dials == 9
    driver.run(1 + 599.999)
    assert driver.dials == 10
    driver.run(0.001)
    assert driver.dial_times[10] == 840.0
    driver.run(599)
    assert driver.dials == 11


def test_a_probe_that_fails_opens_the_breaker_again_for_the_whole_time() -> None:
    driver = wanted(refuses).run(240 + 3 * 600)
    assert driver.dial_times[9:] == [240.0, 840.0, 1440.0, 2040.0]
    assert driver.breaker is BreakerState.OPEN
    assert driver.link.attempts == 13


def test_a_probe_that_hangs_is_given_up_after_twenty_seconds_and_opens_the_breaker_again() -> None:
    driver = wanted(lambda dial: refuses(dial) if dial <= 10 else hangs(dial)).run(859.9)
    assert (driver.state, driver.breaker) == (LinkState.DIALLING, BreakerState.HALF_OPEN)
    driver.run(0.1)
    assert (driver.state, driver.breaker) == (LinkState.WAITING, BreakerState.OPEN)
    assert driver.link.next_at_s == 860.0 + 600.0
    driver.run(599)
    assert driver.dials == 11


def test_a_probe_has_twenty_seconds_for_dial_and_authentication_together() -> None:
    def opens_only(dial: int) -> Script:
        return refuses(dial) if dial <= 10 else [(15.0, Opened)]

    driver = wanted(opens_only).run(859.9)
    assert (driver.state, driver.breaker) == (LinkState.AUTHENTICATING, BreakerState.HALF_OPEN)
    driver.run(0.1)
    assert driver.breaker is BreakerState.OPEN


def test_a_probe_that_succeeds_closes_the_breaker_only_when_the_link_is_stable() -> None:
    driver = wanted(lambda dial: refuses(dial) if dial <= 10 else accepts(dial)).run(841)
    assert (driver.state, driver.breaker) == (LinkState.OPEN, BreakerState.HALF_OPEN)
    driver.run(59)
    assert driver.breaker is BreakerState.HALF_OPEN
    driver.run(1)
    assert (driver.state, driver.breaker) == (LinkState.OPEN, BreakerState.CLOSED)
    assert driver.link.attempts == 0
    assert driver.events()[-2:] == ["retry.reset", "breaker.reset"]


@pytest.mark.parametrize("u", [0.0, 0.5, 0.999], ids=["least", "middle", "most"])
def test_jitter_only_ever_lengthens_a_delay(u: float) -> None:
    driver = wanted(refuses, Settings(), u=u).run(3600)
    assert driver.delays()[:4] == pytest.approx([d * (1 + 0.2 * u) for d in OLD_DELAYS[:4]])


def test_the_first_retry_after_a_stable_connection_is_fast() -> None:
    driver = wanted(lambda dial: accepts(dial) if dial == 1 else refuses(dial), Settings(), u=0.5).run(61)
    driver.do(Lost(driver.link.epoch, REFUSED))
    driver.run(20)
    assert driver.delays()[:2] == pytest.approx([2.5, 15 * 1.1])


def test_a_connection_that_falls_before_it_is_stable_is_no_success() -> None:
    """The old server reset its counters at every open, so a link that opened and fell never tripped anything."""

    def flaps(dial: int) -> Script:
        return [*accepts(dial), (50.0, lambda epoch: Lost(epoch, REFUSED))]

    driver = wanted(flaps).run(3600)
    assert driver.delays() == OLD_DELAYS
    assert len(driver.records("breaker.open")) >= 1
