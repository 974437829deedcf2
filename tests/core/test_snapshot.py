"""What is shown of an instance whose process has ended."""

from dataclasses import replace

import pytest

from core.availability import DAY_S, Span
from core.instances import InstanceConfig
from core.snapshot import InstanceSnapshot, without_process

HELD = Span(100.0, 80.0, 5.0)
TOLD = InstanceSnapshot(
    "a", 1000.0, InstanceConfig(), "connected", link_state="open", run=HELD, day=HELD, month=HELD
)


@pytest.mark.parametrize(
    ("link_state", "seen_at", "more"),
    [
        ("open", 1000.0, Span(60.0)),
        ("open", 1040.0, Span(60.0, 40.0)),
        ("open", 2000.0, Span(60.0, 60.0)),
        ("open", 900.0, Span(60.0)),
        ("waiting", 1040.0, Span(60.0)),
    ],
)
def test_wanted_time_goes_on(link_state: str, seen_at: float, more: Span) -> None:
    later = without_process(replace(TOLD, link_state=link_state), seen_at, True, 1060.0)
    assert (later.at, later.run, later.day, later.month) == (1060.0, *[HELD + more] * 3)


def test_windows_forget_and_the_run_does_not() -> None:
    later = without_process(TOLD, 1000.0, True, 1000.0 + 3 * DAY_S)
    assert (later.run.wanted_s, later.day.wanted_s) == (100.0 + 3 * DAY_S, DAY_S)
    assert later.month == HELD + Span(3 * DAY_S)


@pytest.mark.parametrize(
    ("wanted", "now_s"), [(False, 1060.0), (True, 990.0)], ids=["unwanted", "clock went back"]
)
def test_what_is_not_counted(wanted: bool, now_s: float) -> None:
    assert without_process(TOLD, 1000.0, wanted, now_s) == replace(TOLD, at=now_s)
