"""The token bucket: never more than rate * time + burst, and nobody waits for nothing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.gate import FORCE_INTERVAL_S, ROUNDING, TokenBucket, filled, force_wait_s, take

rates = st.floats(0.1, 10_000)
bursts = st.integers(1, 50)


def test_a_fresh_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = TokenBucket.full(2.0, 3, 10.0)
    waits = []
    for _ in range(5):
        bucket, wait_s = take(bucket, 10.0)
        waits.append(wait_s)
    assert waits == [0, 0, 0, 0.5, 0.5]


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    assert filled(TokenBucket.full(2.0, 3, 0.0), 1e6).tokens == 3


def test_asking_often_does_not_bring_more() -> None:
    bucket, taken = TokenBucket.full(1.0, 1, 0.0), 0
    for tenths in range(601):
        bucket, wait_s = take(bucket, tenths / 10)
        taken += wait_s == 0
    assert taken == 61


@given(rate=rates, burst=bursts, gaps=st.lists(st.floats(0, 3), max_size=150), start_s=st.floats(0, 1e6))
def test_takes_never_exceed_rate_times_time_plus_burst(
    rate: float, burst: int, gaps: list[float], start_s: float
) -> None:
    bucket, now_s, taken = TokenBucket.full(rate, burst, start_s), start_s, 0
    for gap_s in gaps:
        now_s += gap_s
        bucket, wait_s = take(bucket, now_s)
        taken += wait_s == 0
        allowed = rate * (now_s - start_s) + burst
        assert taken <= allowed * (1 + 1e-9) + ROUNDING * 1.01


@given(rate=rates, burst=bursts, start_s=st.floats(0, 1e7), takes=st.integers(1, 200))
@example(rate=3.0, burst=1, start_s=0.1, takes=100)
def test_whoever_waits_exactly_as_told_gets_the_token(
    rate: float, burst: int, start_s: float, takes: int
) -> None:
    bucket, now_s = TokenBucket.full(rate, burst, start_s), start_s
    for _ in range(takes):
        bucket, wait_s = take(bucket, now_s)
        if wait_s:
            assert wait_s <= (1 + 2 * ROUNDING) / rate
            now_s += wait_s
            bucket, wait_s = take(bucket, now_s)
            assert wait_s == 0


@pytest.mark.parametrize("back_s", [1.0, 1000.0])
def test_a_clock_that_goes_back_neither_gives_nor_takes(back_s: float) -> None:
    bucket, _ = take(TokenBucket.full(1.0, 1, 5000.0), 5000.0)
    after, wait_s = take(bucket, 5000.0 - back_s)
    assert (after, wait_s) == (bucket, 1.0)
    assert take(after, 5001.0)[1] == 0


@pytest.mark.parametrize(
    ("last_s", "now_s", "wait_s"),
    [
        (None, 0.0, 0.0),
        (10.0, 10.0, 5.0),
        (10.0, 12.0, 3.0),
        (10.0, 15.0, 0.0),
        (10.0, 99.0, 0.0),
        (10.0, 4.0, 5.0),
    ],
    ids=["never forced", "just now", "a moment ago", "long enough", "long ago", "a clock that went back"],
)
def test_when_an_instance_may_be_forced_again(last_s: float | None, now_s: float, wait_s: float) -> None:
    assert force_wait_s(last_s, now_s) == wait_s <= FORCE_INTERVAL_S
