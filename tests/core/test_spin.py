"""What counts as a spin: shares of the CPU time that a process could have had."""

import pytest

from core.spin import KEPT, CpuTime, Samples, added, percent

PERIOD_S = 120.0


def life(*parts: tuple[float, float, float], step_s: float = 5.0) -> Samples:
    """Samples of a process that ran and waited for these shares of the time, each for so long."""
    at_s = run_s = wait_s = 0.0
    samples = added((), CpuTime(0.0, 0.0, 0.0), PERIOD_S)
    for lasts_s, runs, waits in parts:
        for _ in range(int(lasts_s / step_s)):
            at_s, run_s, wait_s = at_s + step_s, run_s + runs * step_s, wait_s + waits * step_s
            samples = added(samples, CpuTime(at_s, run_s, wait_s), PERIOD_S)
    return samples


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(115, 1.0, 0.0)], None),
        ([(120, 1.0, 0.0)], 100.0),
        ([(120, 0.25, 0.75)], 100.0),
        ([(120, 0.2, 0.7)], pytest.approx(66.7, abs=0.1)),
        ([(120, 0.02, 0.0)], None),
        ([(120, 0.04, 0.96)], None),
        ([(60, 1.0, 0.0), (5, 0.5, 0.0), (55, 1.0, 0.0)], pytest.approx(97.9, abs=0.1)),
        ([(600, 0.1, 0.0), (60, 1.0, 0.0)], pytest.approx(55.0)),
        ([(600, 0.0, 0.0), (120, 1.0, 0.0)], 100.0),
        ([(600, 1.0, 0.0), (120, 0.5, 0.0)], 50.0),
    ],
    ids=[
        "not long enough",
        "spins alone",
        "spins among four",
        "works among four",
        "idle",
        "starved",
        "one cooler moment",
        "just began",
        "was idle before",
        "has stopped",
    ],
)
def test_the_share_of_what_was_available(
    parts: list[tuple[float, float, float]], expected: float | None
) -> None:
    assert percent(life(*parts), PERIOD_S) == expected


@pytest.mark.parametrize("step_s", [0.5, 1.0, 5.0, 30.0])
def test_few_samples_are_kept_however_often_it_is_measured(step_s: float) -> None:
    samples = life((1200, 1.0, 0.0), step_s=step_s)
    assert len(samples) <= 2 * KEPT + 2
    assert samples[-1].at_s == 1200.0
    assert PERIOD_S <= samples[-1].at_s - samples[0].at_s <= PERIOD_S + max(step_s, PERIOD_S / KEPT + step_s)
