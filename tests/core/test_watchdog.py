"""The watchdog's verdicts: silence, the grace after SIGABRT, spins, and a checker that was late itself."""

import pytest

from core.config import SupervisionSettings
from core.spin import CpuTime
from core.watchdog import MIB, Verdict, Watched, aborted, due_s, grown, judge, late, measured, pardoned

DEFAULT = SupervisionSettings()
V = Verdict
CEILING = DEFAULT.memory_mb * MIB


@pytest.mark.parametrize(
    ("watched", "verdict", "why"),
    [
        (Watched(100.0), V.FINE, ""),
        (Watched(85.1), V.FINE, ""),
        (Watched(85.0), V.ABORT, "no heartbeat for 15 s"),
        (Watched(100.0, cpu=(CpuTime(-20.0, 0.0, 0.0), CpuTime(100.0, 113.9, 0.0))), V.FINE, ""),
        (
            Watched(100.0, cpu=(CpuTime(-20.0, 0.0, 0.0), CpuTime(100.0, 114.0, 0.0))),
            V.ABORT,
            "used 95 % of the CPU time that it could get for 120 s",
        ),
        (Watched(0.0, aborted_s=98.1), V.FINE, "did not end after SIGABRT"),
        (Watched(0.0, aborted_s=98.0), V.KILL, "did not end after SIGABRT"),
        (Watched(100.0, aborted_s=98.0), V.KILL, "did not end after SIGABRT"),
    ],
    ids=[
        "alive",
        "nearly silent",
        "silent",
        "busy",
        "spinning",
        "writing its stack",
        "not ending",
        "heard again too late",
    ],
)
def test_the_verdict_on_a_child(watched: Watched, verdict: Verdict, why: str) -> None:
    assert judge(watched, 100.0, DEFAULT) == (verdict, why)


def test_an_aborted_child_gets_two_seconds_for_its_stack() -> None:
    watched = aborted(Watched(0.0), 20.0)
    assert judge(watched, 21.9, DEFAULT)[0] is V.FINE
    assert judge(watched, 22.0, DEFAULT)[0] is V.KILL


@pytest.mark.parametrize("watched", [Watched(7.0), aborted(Watched(7.0), 30.0)], ids=["silent", "aborted"])
def test_the_verdict_on_a_silent_child_changes_when_it_is_due(watched: Watched) -> None:
    due = due_s(watched, DEFAULT)
    assert judge(watched, due - 0.01, DEFAULT)[0] is V.FINE
    assert judge(watched, due, DEFAULT)[0] is not V.FINE


@pytest.mark.parametrize(("now_s", "expected"), [(12.0, False), (12.1, True), (9.0, False)])
def test_a_checker_more_than_two_seconds_late_has_learnt_nothing(now_s: float, expected: bool) -> None:
    assert late(10.0, now_s, DEFAULT) is expected


def test_a_paused_machine_convicts_nobody() -> None:
    after_the_pause = pardoned(Watched(0.0, cpu=(CpuTime(0.0, 0.0, 0.0), CpuTime(900.0, 900.0, 0.0))), 1000.0)
    assert judge(after_the_pause, 1000.0, DEFAULT) == (V.FINE, "")
    assert judge(after_the_pause, 1014.9, DEFAULT) == (V.FINE, "")
    assert judge(after_the_pause, 1015.0, DEFAULT)[0] is V.ABORT


def test_a_spin_is_seen_from_what_was_measured() -> None:
    watched = Watched(1000.0)
    for second in range(0, 125, 5):
        watched = measured(watched, CpuTime(float(second), 0.99 * second, 0.0), DEFAULT)
        assert (judge(watched, 1000.0, DEFAULT)[0] is V.ABORT) is (second >= 120)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ([(0.0, CEILING)], V.FINE),
        ([(0.0, CEILING + 1), (10.0, CEILING + 1)], V.FINE),
        ([(0.0, CEILING + 1), (10.5, CEILING + 1)], V.ABORT),
        ([(0.0, CEILING + 1), (5.0, CEILING), (10.5, CEILING + 1)], V.FINE),
        ([(0.0, CEILING * 3 // 2)], V.FINE),
        ([(0.0, CEILING * 3 // 2 + 1)], V.ABORT),
    ],
    ids=["at the ceiling", "may end itself", "did not end itself", "shrank", "not far", "far above"],
)
def test_what_grows_beyond_its_ceiling_is_ended(seen: list[tuple[float, int]], verdict: Verdict) -> None:
    watched = Watched(1000.0)
    for at_s, used in seen:
        watched = grown(watched, 1000.0 + at_s, used, DEFAULT)
    found, why = judge(watched, 1000.0 + seen[-1][0], DEFAULT)
    assert found is verdict
    if verdict is V.ABORT:
        assert why == f"private memory {seen[-1][1] // MIB} MiB, the ceiling is 256 MiB"
