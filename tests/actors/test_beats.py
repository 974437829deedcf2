"""Heartbeats through shared memory: what a forked process writes, its parent reads."""

import os
from dataclasses import replace

import pytest

from actors import beats
from actors.beats import Beat, BeatPage
from actors.reporting import news
from core.availability import Span
from core.instances import InstanceConfig
from core.snapshot import InstanceSnapshot


def test_a_slot_says_nothing_until_it_is_written_and_after_it_is_cleared() -> None:
    slot = BeatPage().take()
    assert slot.read() is None
    slot.write(12.5)
    assert slot.read() == Beat(12.5)
    slot.frame(14.25)
    assert slot.read() == Beat(12.5, 14.25)
    slot.write(18.5, 15.0)
    assert slot.read() == Beat(18.5, 15.0)
    slot.clear()
    assert slot.read() is None


def test_a_forked_process_finds_the_slot_that_was_offered() -> None:
    slot = BeatPage().take()
    with beats.offered(slot):
        pid = os.fork()
        if pid == 0:
            own = beats.inherited()
            if own is not None:
                own.write(7.0)
            os._exit(0)
    os.waitpid(pid, 0)
    assert beats.inherited() is None
    assert slot.read() == Beat(7.0)


def test_slots_are_their_own_and_are_used_again() -> None:
    page = BeatPage()
    taken = [page.take() for _ in range(600)]
    for number, slot in enumerate(taken, 1):
        slot.write(float(number))
    assert [slot.read() for slot in taken] == [Beat(float(number)) for number in range(1, 601)]
    page.give_back(taken[5])
    again = page.take()
    assert again is taken[5]
    assert again.read() is None


BEFORE = InstanceSnapshot(
    "a", 1.0, InstanceConfig(url="ws://x/"), "connected", link_state="open", memory_bytes=5
)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"at": 2.0}, False),
        ({"memory_bytes": 6, "cpu_percent": 3.0}, False),
        ({"run": Span(5.0, 5.0, 0.0)}, False),
        ({"last_frame_at": 2.0}, False),
        ({"link_state": "waiting"}, True),
        ({"queued_messages": 1}, True),
        ({"recent_failures": 1}, True),
    ],
)
def test_what_is_news(changed: dict[str, object], expected: bool) -> None:
    assert news(BEFORE, replace(BEFORE, **changed)) is expected  # type: ignore[arg-type]
