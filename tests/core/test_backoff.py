"""Delays: floors, growth, cap, jitter, the fast first retry, and what the upstream asks for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backoff import MAX_RETRY_AFTER_S, delay_s, floor_s
from core.config import RetrySettings
from core.failures import Failure, FailureKind

EXACT = RetrySettings(jitter=0.0, fast_first_s=0.0)
NETWORK = Failure(FailureKind.NETWORK, "refused")
TIMEOUT = Failure(FailureKind.TIMEOUT, "no answer")


@pytest.mark.parametrize(
    ("failure", "delays"),
    [
        (NETWORK, [15, 15, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 60]),
        (TIMEOUT, [30, 30, 30, 30, 30, 30, 35, 40, 45, 50, 55, 60, 60]),
    ],
    ids=["ordinary", "timeout"],
)
def test_without_jitter_the_numbers_are_the_old_ones(failure: Failure, delays: list[float]) -> None:
    assert [delay_s(n, failure, EXACT, 0.99) for n in range(1, 14)] == delays
    assert delay_s(100_000, failure, EXACT, 0.99) == 60


@pytest.mark.parametrize("kind", FailureKind, ids=lambda kind: kind.value)
def test_only_a_timeout_has_the_higher_floor(kind: FailureKind) -> None:
    assert floor_s(kind, EXACT) == (30 if kind is FailureKind.TIMEOUT else 15)


@pytest.mark.parametrize(("u", "expected"), [(0.0, 15.0), (0.5, 16.5), (0.999, 17.997)])
def test_jitter_adds_up_to_a_fifth(u: float, expected: float) -> None:
    assert delay_s(1, NETWORK, RetrySettings(), u) == pytest.approx(expected)


@pytest.mark.parametrize(("u", "expected"), [(0.0, 0.0), (0.5, 2.5)])
def test_the_first_retry_after_a_stable_connection_waits_at_most_five_seconds(
    u: float, expected: float
) -> None:
    assert delay_s(1, TIMEOUT, RetrySettings(), u, after_stable=True) == expected


def test_the_fast_first_retry_can_be_turned_off() -> None:
    assert delay_s(1, NETWORK, EXACT, 0.5, after_stable=True) == 15


@pytest.mark.parametrize(
    ("asked_s", "expected"),
    [
        (None, 15.0),
        (0.0, 15.0),
        (14.0, 15.0),
        (120.0, 120.0),
        (1e300, MAX_RETRY_AFTER_S),
        (math.inf, 86_400.0),
    ],
)
def test_a_retry_after_is_obeyed_up_to_a_day(asked_s: float | None, expected: float) -> None:
    throttled = Failure(FailureKind.THROTTLED, "wait", 429, asked_s)
    assert delay_s(1, throttled, EXACT, 0.0) == expected


def test_a_retry_after_also_holds_back_the_fast_first_retry() -> None:
    throttled = Failure(FailureKind.THROTTLED, "wait", 429, 14.0)
    assert delay_s(1, throttled, RetrySettings(), 0.0, after_stable=True) == 14.0


@pytest.mark.parametrize(
    ("attempt", "u"), [(0, 0.5), (1, 1.0), (1, -0.1)], ids=["attempt", "u too large", "u below 0"]
)
def test_arguments_out_of_range_are_a_bug_of_the_caller(attempt: int, u: float) -> None:
    with pytest.raises(AssertionError):
        delay_s(attempt, NETWORK, EXACT, u)


@given(
    attempt=st.integers(1, 10_000),
    kind=st.sampled_from(FailureKind),
    u=st.floats(0, 1, exclude_max=True),
    jitter=st.floats(0, 10),
    max_s=st.floats(0, 1000),
)
def test_a_delay_is_never_below_the_least_wait_nor_above_cap_and_jitter(
    attempt: int, kind: FailureKind, u: float, jitter: float, max_s: float
) -> None:
    policy = RetrySettings(jitter=jitter, max_s=max_s)
    floor = floor_s(kind, policy)
    waited = delay_s(attempt, Failure(kind, "why"), policy, u)
    assert floor <= waited <= max(floor, max_s) * (1 + jitter)
    assert waited <= delay_s(attempt + 1, Failure(kind, "why"), policy, u)
