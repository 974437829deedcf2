"""The breaker's table: total, trips by either rule, probes, reopens, closes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.breaker import (
    MAX_REMEMBERED,
    TRANSITIONS,
    Breaker,
    BreakerInput,
    BreakerState,
    probe_at_s,
    recent,
    step,
)
from core.config import BreakerSettings

S, IN = BreakerState, BreakerInput
DEFAULT = BreakerSettings()
OPEN = Breaker(S.OPEN, (95.0,), 10, 95.0)
HALF_OPEN = replace(OPEN, state=S.HALF_OPEN)
NOW_S = 100.0


def failing(times: list[float], policy: BreakerSettings = DEFAULT) -> Breaker:
    breaker = Breaker()
    for at_s in times:
        breaker = step(breaker, IN.FAILED, at_s, policy)
    return breaker


ROWS = {
    "closed fails": (Breaker(), IN.FAILED, S.CLOSED),
    "closed is stable": (Breaker(failures=(99.0,), consecutive=1), IN.STABLE, S.CLOSED),
    "closed probes": (Breaker(), IN.PROBE, S.CLOSED),
    "closed is reset": (Breaker(failures=(99.0,), consecutive=9), IN.RESET, S.CLOSED),
    "open fails": (OPEN, IN.FAILED, S.OPEN),
    "open is stable": (OPEN, IN.STABLE, S.CLOSED),
    "open probes": (OPEN, IN.PROBE, S.HALF_OPEN),
    "open is reset": (OPEN, IN.RESET, S.CLOSED),
    "half-open fails": (HALF_OPEN, IN.FAILED, S.OPEN),
    "half-open is stable": (HALF_OPEN, IN.STABLE, S.CLOSED),
    "half-open probes": (HALF_OPEN, IN.PROBE, S.HALF_OPEN),
    "half-open is reset": (HALF_OPEN, IN.RESET, S.CLOSED),
}


def test_the_rows_name_every_pair() -> None:
    assert {(before.state, given_) for before, given_, _ in ROWS.values()} == set(TRANSITIONS)
    assert len(TRANSITIONS) == len(S) * len(IN)


@pytest.mark.parametrize(("before", "given_", "state"), ROWS.values(), ids=ROWS.keys())
def test_each_state_answers_each_input(before: Breaker, given_: BreakerInput, state: BreakerState) -> None:
    after = step(before, given_, NOW_S, DEFAULT)
    assert after.state is state
    if given_ in (IN.STABLE, IN.RESET):
        assert after == Breaker()


def test_the_tenth_failure_inside_the_window_opens_it() -> None:
    nine = failing([float(n) for n in range(9)])
    assert nine.state is S.CLOSED
    ten = step(nine, IN.FAILED, 299.0, DEFAULT)
    assert (ten.state, ten.opened_at_s) == (S.OPEN, 299.0)


def test_ten_failures_in_a_row_open_it_however_far_apart() -> None:
    breaker = failing([1000.0 * n for n in range(10)])
    assert breaker.state is S.OPEN
    assert len(breaker.failures) == 1


def test_the_window_alone_opens_it_too() -> None:
    remembered = Breaker(failures=tuple(float(n) for n in range(9)), consecutive=0)
    assert step(remembered, IN.FAILED, 9.0, DEFAULT).state is S.OPEN


def test_failures_leave_the_window_after_its_length() -> None:
    breaker = Breaker(failures=(0.0, 50.0))
    assert recent(breaker, 299.9, DEFAULT) == (0.0, 50.0)
    assert recent(breaker, 300.0, DEFAULT) == (50.0,)
    assert recent(breaker, 350.0, DEFAULT) == ()


def test_a_threshold_of_one_opens_at_the_first_failure() -> None:
    assert failing([5.0], replace(DEFAULT, failure_threshold=1)).state is S.OPEN


def test_a_late_failure_does_not_prolong_the_open_time() -> None:
    later = step(OPEN, IN.FAILED, NOW_S, DEFAULT)
    assert later.opened_at_s == OPEN.opened_at_s
    assert later.failures == (95.0, NOW_S)


def test_a_failed_probe_opens_it_for_the_whole_time_again() -> None:
    again = step(HALF_OPEN, IN.FAILED, NOW_S, DEFAULT)
    assert probe_at_s(again, DEFAULT) == NOW_S + 600


def test_a_probe_time_exists_only_after_it_opened() -> None:
    assert probe_at_s(OPEN, DEFAULT) == 695.0
    with pytest.raises(AssertionError):
        probe_at_s(Breaker(), DEFAULT)


def test_the_memory_of_a_breaker_that_cannot_trip_is_bounded() -> None:
    policy = replace(DEFAULT, failure_threshold=10**9, window_s=86_400)
    full = Breaker(failures=tuple(n / 1000 for n in range(MAX_REMEMBERED)))
    assert len(step(full, IN.FAILED, 11.0, policy).failures) == MAX_REMEMBERED


@given(
    inputs=st.lists(st.tuples(st.sampled_from(IN), st.floats(0, 400)), max_size=60),
    threshold=st.integers(1, 6),
)
def test_whatever_happens_the_breaker_stays_sound(
    inputs: list[tuple[BreakerInput, float]], threshold: int
) -> None:
    policy = replace(DEFAULT, failure_threshold=threshold)
    breaker, now_s = Breaker(), 0.0
    for given_, passed_s in inputs:
        now_s += passed_s
        before, breaker = breaker, step(breaker, given_, now_s, policy)
        assert list(breaker.failures) == sorted(breaker.failures)
        assert (breaker.opened_at_s is None) is (breaker.state is S.CLOSED)
        if given_ is IN.FAILED:
            assert breaker.failures[-1] == now_s
            assert all(at_s > now_s - policy.window_s for at_s in breaker.failures)
            assert breaker.consecutive == before.consecutive + 1
        if breaker.state is S.CLOSED:
            assert breaker.consecutive < threshold
            assert len(breaker.failures) < threshold
