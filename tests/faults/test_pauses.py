"""Rows in which nobody is to blame: 26 CPU starvation · 53 the whole tree paused. Nobody is convicted.

With the default heartbeats and silences; each row has a server of its own, because all of it takes part.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rows import OTHERS, House, housed
from server import wait_for
from watching import log_events

from simulator.client import Simulator

pytestmark = pytest.mark.serial

COUNT = 8
NAMES = [f"c{number}" for number in range(COUNT)]
# A wrong verdict comes within the silence that convicts, and the check after it.
VERDICT_S = 18.0
BURNERS_PER_CORE = 4
BURN = "while True: pass"


@contextlib.contextmanager
def burning() -> Iterator[None]:
    """Every core has several processes of the same priority that never sleep."""
    count = BURNERS_PER_CORE * len(os.sched_getaffinity(0))
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for one in burners:
            one.kill()
        for one in burners:
            one.wait(10)


def filled(house: House, simulator: Simulator) -> None:
    """More instances beside the steady ones, all connected."""
    upstream = simulator.listener()
    for name in NAMES:
        house.server.add(name, upstream.url_of(name))
    for name in NAMES:
        house.server.wait_open(name, 40)


def wait_s(seconds: float) -> None:
    """The time of the fault itself."""
    end_s = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= end_s, seconds + 30, lambda: "the clock stands")


def assert_nobody_convicted(house: House, before: dict[int, str]) -> None:
    """The same processes, no restart, and the watchdog said nothing."""
    assert set(before) <= set(house.server.processes()), "a process was replaced"
    text = (house.server.data / "logs" / "events.jsonl").read_text("utf-8")
    assert '"event":"watchdog"' not in text.replace(" ", ""), text[-2000:]
    for name in (*OTHERS, *NAMES):
        one = house.server.wait_open(name)
        assert one["restarts"] == 0
        assert log_events(house.server, name, "socket.error") == []


def starved(folder: Path, simulator: Simulator, seconds: float) -> None:
    with housed(folder, simulator) as house:
        filled(house, simulator)
        before, slowest_s = house.server.processes(), 0.0
        with burning():
            end_s = time.monotonic() + seconds
            while (asked_s := time.monotonic()) < end_s:
                assert house.server.call("GET", "/health", timeout_s=30).status == 200
                slowest_s = max(slowest_s, time.monotonic() - asked_s)
        assert_nobody_convicted(house, before)
        house.tell("row 26", lasted=seconds, slowest_health=slowest_s)


@pytest.mark.slow
def test_row_26_a_minute_of_cpu_starvation_convicts_nobody(tmp_path: Path, simulator: Simulator) -> None:
    starved(tmp_path / "d", simulator, 60.0)


@pytest.mark.slow
def test_row_53_the_whole_tree_paused_for_a_minute_convicts_nobody(
    tmp_path: Path, simulator: Simulator
) -> None:
    """The launcher, too. Nothing was heard for four times the silence that convicts."""
    with housed(tmp_path / "d", simulator) as house:
        filled(house, simulator)
        before = house.server.processes()
        for pid in before:
            house.server.kill(pid, signal.SIGSTOP)
        paused_s = time.time()
        try:
            wait_s(60.0)
        finally:
            # The children first: a parent that is awake finds everybody awake.
            for pid in reversed(before):
                os.kill(pid, signal.SIGCONT)
        resumed_s = time.time()
        house.server.wait_ready(20.0)
        ready_s = time.time() - resumed_s
        wait_s(VERDICT_S)
        assert set(before) <= set(house.server.processes()), "a process was replaced"
        text = (house.server.data / "logs" / "events.jsonl").read_text("utf-8")
        assert '"event":"watchdog"' not in text.replace(" ", ""), text[-2000:]
        assert {house.server.wait_open(name)["restarts"] for name in (*OTHERS, *NAMES)} == {0}
        house.tell("row 53", lasted=resumed_s - paused_s, ready=ready_s)
