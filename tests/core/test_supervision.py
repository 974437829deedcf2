"""Restart intensity: five restarts in a minute, the sixth crash is quarantined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import SupervisionSettings
from core.supervision import Quarantine, Restart, after_crash, delay_s

DEFAULT = SupervisionSettings()


def crash_at(times: list[float], policy: SupervisionSettings = DEFAULT) -> Restart | Quarantine:
    history: tuple[float, ...] = ()
    verdict: Restart | Quarantine = Restart(0.0, ())
    for at_s in times:
        verdict = after_crash(history, at_s, policy)
        if isinstance(verdict, Restart):
            history = verdict.history
    return verdict


def test_the_sixth_crash_within_a_minute_is_quarantined() -> None:
    assert isinstance(crash_at([0, 1, 2, 3, 4]), Restart)
    verdict = crash_at([0, 1, 2, 3, 4, 59.9])
    assert verdict == Quarantine("crashed 6 times within 60 s (5 restarts are allowed)")


def test_restarts_older_than_the_period_are_forgotten() -> None:
    verdict = crash_at([0, 1, 2, 3, 4, 60.0])
    assert isinstance(verdict, Restart)
    assert verdict.history == (1, 2, 3, 4, 60.0)


def test_no_restart_allowed_means_quarantine_at_the_first_crash() -> None:
    assert isinstance(crash_at([0], SupervisionSettings(max_restarts=0)), Quarantine)


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [(0, 0.1), (1, 0.2), (2, 0.4), (5, 3.2), (6, 5.0), (10**9, 5.0)],
)
def test_the_delay_doubles_from_a_tenth_to_five_seconds(earlier: int, expected: float) -> None:
    assert delay_s(earlier, DEFAULT) == pytest.approx(expected)


def test_a_delay_of_zero_stays_zero() -> None:
    assert delay_s(20, SupervisionSettings(delay_min_s=0)) == 0


@given(st.lists(st.floats(0, 30), max_size=80))
def test_never_more_restarts_in_a_period_than_allowed(gaps: list[float]) -> None:
    history: tuple[float, ...] = ()
    restarts: list[float] = []
    now_s = 0.0
    for gap_s in gaps:
        now_s += gap_s
        verdict = after_crash(history, now_s, DEFAULT)
        if isinstance(verdict, Restart):
            history = verdict.history
            restarts.append(now_s)
        assert len([at_s for at_s in restarts if at_s > now_s - DEFAULT.period_s]) <= DEFAULT.max_restarts
        assert len(history) <= DEFAULT.max_restarts
