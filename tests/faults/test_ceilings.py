"""Ceilings that a process meets from outside: it spins though it beats, it grows though it hangs."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hooked import GROW, SPIN, hooks_on, run_in
from server import QUICK, Server, running

from simulator.client import Simulator

pytestmark = pytest.mark.serial

SHORT = {
    **QUICK,
    "supervision__heartbeat_s": "0.5",
    "supervision__silence_s": "30",
    "supervision__abort_grace_s": "0.5",
}


@contextlib.contextmanager
def serving(data: Path, **settings: str) -> Iterator[Server]:
    """A server with hooks."""
    with hooks_on(data / "hooks"), running(data, **{**SHORT, **settings}) as server:
        yield server


@contextlib.contextmanager
def busy_machine() -> Iterator[None]:
    """Two processes for each processor that want all of it."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(2 * len(os.sched_getaffinity(0)))
    ]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def test_a_process_that_spins_on_a_busy_machine_is_ended_with_its_stack(
    tmp_path: Path, simulator: Simulator
) -> None:
    upstream = simulator.listener()
    knobs = {"supervision__cpu_percent": "60", "supervision__cpu_period_s": "4"}
    with serving(tmp_path, **knobs) as server:
        for name in ("calm", "spins"):
            server.add(name, upstream.url_of(name))
        pids = {name: server.wait_open(name)["pid"] for name in ("calm", "spins")}
        with busy_machine():
            run_in(server, pids["spins"], SPIN)
            server.wait_instance(
                "spins",
                lambda one: one["link_state"] == "open" and one["pid"] not in (None, pids["spins"]),
                40,
            )
        [crash] = server.call("GET", "/api/v1/instances/spins/crashes").data
        assert crash["pid"] == pids["spins"]
        assert "of the CPU time that it could get for 4 s" in crash["cause"]
        assert "most recent call first" in crash["stack"]
        assert server.instance("calm")["pid"] == pids["calm"]


def test_a_process_that_hangs_and_grows_is_ended_at_its_ceiling(tmp_path: Path, simulator: Simulator) -> None:
    """It would take gigabytes until its silence convicts it."""
    upstream = simulator.listener()
    with serving(tmp_path, supervision__memory_mb="64") as server:
        server.add("grows", upstream.url_of("grows"))
        pid = server.wait_open("grows")["pid"]
        run_in(server, pid, GROW)
        server.wait_instance(
            "grows", lambda one: one["link_state"] == "open" and one["pid"] not in (None, pid), 20
        )
        [crash] = server.call("GET", "/api/v1/instances/grows/crashes").data
        assert crash["pid"] == pid
        assert "the ceiling is 64 MiB" in crash["cause"]
        assert int(crash["cause"].split()[2]) < 2048, "ended long before its silence"
        assert "in growing" in crash["stack"], "the stack says where"
