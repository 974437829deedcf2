"""The launcher's watchdog over its children, with real pages and an invented clock."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.beats import Slot
from cli import heartbeat
from cli.child import Child
from cli.heartbeat import START_S, ChildWatch, beating, shared_page, slot_on
from core.config import SupervisionSettings

PID = 4711


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, signal.Signals]]:
    signals: list[Any] = []
    monkeypatch.setattr(heartbeat, "end_process", lambda pid, number: signals.append((pid, number)))
    return signals


@pytest.fixture
def child() -> Iterator[Child]:
    page = shared_page()
    yield Child("the web process", ["-"], page=page, pid=PID, started_s=1000.0)
    os.close(page)


@pytest.fixture
def slot(child: Child) -> Slot:
    assert child.page is not None
    return slot_on(child.page)


def watching(child: Child, policy: SupervisionSettings | None = None) -> Callable[[float, float], None]:
    """Look every half second from one moment to another, as the launcher does."""
    watch = ChildWatch(lambda: policy or SupervisionSettings())

    def look(from_s: float, to_s: float) -> None:
        for half in range(int((to_s - from_s) * 2) + 1):
            watch.look([child], from_s + half / 2)

    return look


def test_one_that_falls_silent_gets_sigabrt_and_sigkill(child: Child, slot: Slot, sent: list[Any]) -> None:
    look = watching(child)
    for second in range(1000, 1040, 2):
        slot.write(float(second))
        look(second, second + 1.5)
    look(1040.0, 1052.5)
    assert sent == []
    look(1053.0, 1053.5)
    assert sent == [(PID, signal.SIGABRT)]
    look(1054.0, 1055.5)
    assert sent == [(PID, signal.SIGABRT), (PID, signal.SIGKILL)]


def test_one_that_starts_has_a_minute_for_its_first_heartbeat(child: Child, sent: list[Any]) -> None:
    look = watching(child)
    look(1000.0, 1000.0 + START_S + 11.0)
    assert sent == []
    look(1000.0 + START_S + 11.5, 1000.0 + START_S + 15.5)
    assert sent[0] == (PID, signal.SIGABRT)


def test_a_replacement_is_not_judged_by_what_went_before(child: Child, slot: Slot, sent: list[Any]) -> None:
    look = watching(child)
    slot.write(1001.0)
    look(1001.0, 1015.0)
    child.pid = None
    look(1015.5, 1020.0)
    child.pid, child.started_s = PID + 1, 1020.5
    look(1020.5, 1050.0)
    assert sent == []


def test_a_launcher_that_was_paused_convicts_nobody(child: Child, slot: Slot, sent: list[Any]) -> None:
    look = watching(child)
    slot.write(1001.0)
    look(1001.0, 1003.0)
    look(1060.0, 1074.0)
    assert sent == []


@pytest.mark.parametrize(("silence_s", "limit_s"), [(3.0, 15.0), (40.0, 40.0)])
def test_the_silence_allowed_is_the_supervisors_but_not_shorter_than_a_connect(
    child: Child, slot: Slot, sent: list[Any], silence_s: float, limit_s: float
) -> None:
    look = watching(child, SupervisionSettings(silence_s=silence_s))
    slot.write(1001.0)
    look(1001.0, 1000.5 + limit_s)
    assert sent == []
    look(1001.0 + limit_s, 1001.5 + limit_s)
    assert sent == [(PID, signal.SIGABRT)]


def test_one_that_waits_for_a_slow_disk_says_so(child: Child, slot: Slot, sent: list[Any]) -> None:
    assert child.page is not None
    look = watching(child)
    before_s = time.monotonic()
    beating(os.dup(child.page))(45.0)
    beat = slot.read()
    assert beat is not None and before_s + 45.0 <= beat.at_s <= time.monotonic() + 45.0
    slot.write(1001.0 + 45.0)
    look(1001.0, 1060.5)
    assert sent == []
    look(1061.0, 1061.5)
    assert sent == [(PID, signal.SIGABRT)]


def test_a_child_without_a_page_is_not_judged(sent: list[Any]) -> None:
    watching(Child("it", ["-"], pid=PID, started_s=1000.0))(1000.0, 1200.0)
    assert sent == []
