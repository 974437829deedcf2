"""The periodic sweep ends links that hang beyond their deadline, and those only."""

import os
import signal
import time
from pathlib import Path

import pytest
from server import QUICK, running
from sweeps import lines, next_sweep, total
from watching import wait_equal

from simulator.client import Simulator


def test_a_link_that_hangs_beyond_its_deadline_is_ended_and_comes_back(
    simulator: Simulator, tmp_path: Path
) -> None:
    """Its process is stopped in the middle of a dial, and the watchdog is set to look away for ten minutes."""
    upstream = simulator.listener(fault="stall_handshake")
    knobs = {
        "supervision__silence_s": "600",
        "transport__dial_timeout_s": "1",
        "breaker__probe_timeout_s": "1",
        "cleanup__interval_s": "2",
    }
    with running(tmp_path / "data", **(QUICK | knobs)) as server:
        server.add("calm", simulator.listener().url_of("calm"))
        calm = server.wait_open("calm")["pid"]
        server.add("stuck", upstream.url_of("stuck"))
        pid = server.wait_instance("stuck", lambda one: one["link_state"] == "dialling")["pid"]
        server.kill(pid, signal.SIGSTOP)
        upstream.set_fault("none")
        server.wait_instance("stuck", lambda one: one["pid"] not in (pid, None), 60)
        server.wait_open("stuck")
        wait_equal(lambda: total(server)["stale_links"], 1)
        [line] = lines(server, "cleanup.stale")
        assert line["instance_id"] == "stuck" and line["text"].startswith("Cleanup: dialling for")
        crash = server.call("GET", "/api/v1/instances/stuck/crashes").data[0]
        assert crash["cause"].startswith("dialling for") and crash["pid"] == pid
        assert [one["level"] for one in lines(server, "cleanup.done") if one["stale_links"]] == ["WARN"]
        assert server.instance("calm")["pid"] == calm and server.instance("calm")["restarts"] == 0


def test_a_link_that_only_dials_long_is_left_alone(simulator: Simulator, tmp_path: Path) -> None:
    """Longer than the grace, shorter than its deadline."""
    knobs = {"transport__dial_timeout_s": "14", "breaker__probe_timeout_s": "1", "cleanup__interval_s": "1"}
    with running(tmp_path / "data", **(QUICK | knobs)) as server:
        server.add("slow", simulator.listener(fault="stall_handshake").url_of("slow"))
        pid = server.wait_instance("slow", lambda one: one["link_state"] == "dialling")["pid"]
        server.wait_instance("slow", lambda one: one["recent_failures"] >= 1, 30)
        next_sweep(server)
        assert total(server)["stale_links"] == 0
        assert server.instance("slow")["pid"] == pid


@pytest.mark.slow
def test_a_pause_of_the_whole_tree_ends_no_link(simulator: Simulator, tmp_path: Path) -> None:
    """After it every report is old; the links' own deadlines, which come first, deal with it."""
    knobs = {"transport__dial_timeout_s": "1", "breaker__probe_timeout_s": "1", "cleanup__interval_s": "1"}
    with running(tmp_path / "data", **(QUICK | knobs)) as server:
        upstream = simulator.listener(fault="stall_handshake")
        names = [f"p{number}" for number in range(4)]
        for name in names:
            server.add(name, upstream.url_of(name))
        before = {name: server.wait_instance(name, lambda one: one["pid"])["pid"] for name in names}
        server.wait_instance("p0", lambda one: one["link_state"] == "dialling")
        tree = list(server.processes())
        for pid in tree:
            server.kill(pid, signal.SIGSTOP)
        time.sleep(20.0)
        for pid in reversed(tree):
            os.kill(pid, signal.SIGCONT)
        for _ in range(4):
            next_sweep(server)
        assert total(server)["stale_links"] == 0
        assert {name: server.instance(name)["pid"] for name in names} == before
