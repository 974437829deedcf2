"""What hangs is ended and replaced, from an instance to the web process; what only paused is not."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from server import QUICK, Server, running, wait_for

from simulator.client import Listener, Simulator

# A heartbeat each half second and three seconds of silence: the ratio of production, made short.
SHORT = {
    **QUICK,
    "supervision__heartbeat_s": "0.5",
    "supervision__silence_s": "3",
    "supervision__abort_grace_s": "0.5",
}
IDS = ("w1", "w2")


@pytest.fixture(scope="module")
def upstream(simulator: Simulator) -> Listener:
    return simulator.listener()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, upstream: Listener) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), **SHORT) as server:
        for one in IDS:
            server.add(one, f"{upstream.url}/ws/{one}")
        for one in IDS:
            server.wait_open(one)
        yield server


@pytest.mark.serial
def test_a_stopped_instance_is_killed_and_replaced_with_the_reason_recorded(
    fleet: Server, upstream: Listener
) -> None:
    before = fleet.instance("w1")["pid"]
    neighbour = upstream.instance("w2").opened
    fleet.kill(before, signal.SIGSTOP)
    fleet.wait_instance(
        "w1", lambda one: one["link_state"] == "open" and one["pid"] not in (None, before), 20.0
    )
    crash = fleet.call("GET", "/api/v1/instances/w1/crashes").data[0]
    assert crash["pid"] == before
    assert "no heartbeat" in crash["cause"]
    assert upstream.instance("w2").opened == neighbour
    wait_for(lambda: upstream.instance("w1").sessions_now == 1, 5.0, lambda: str(upstream.instance("w1")))
    assert upstream.instance("w1").stale_frames == 0


def test_a_command_to_an_instance_that_does_not_answer_is_503(tmp_path: Path, upstream: Listener) -> None:
    with running(tmp_path, **QUICK, http__command_timeout_s="1") as server:
        server.add("deaf", f"{upstream.url}/ws/deaf")
        pid = server.wait_open("deaf")["pid"]
        server.kill(pid, signal.SIGSTOP)
        answer = server.call("POST", "/force-retry/deaf")
        server.kill(pid, signal.SIGCONT)
        assert (answer.status, answer.body["code"]) == (503, "timeout")
        server.wait_open("deaf")
        assert server.call("POST", "/force-retry/deaf").status == 409, (
            "the late answer was not taken for this one's"
        )


@pytest.mark.serial
@pytest.mark.parametrize("part", ["group g1", "registry", "journal"])
def test_a_stopped_part_is_killed_and_replaced(fleet: Server, part: str) -> None:
    before = fleet.pid_of(part)
    fleet.kill(before, signal.SIGSTOP)
    wait_for(lambda: before not in fleet.processes(), 15.0, lambda: str(fleet.processes()))
    wait_for(lambda: any(part in title for title in fleet.processes().values()), 15.0, fleet.output)
    for one in IDS:
        fleet.wait_open(one, 30.0)


def child_of(fleet: Server, title: str) -> int:
    """The one process whose parent has that title."""
    pids = [one.pid for one in psutil.Process(fleet.pid_of(title)).children()]
    assert len(pids) == 1, pids
    return pids[0]


HIGHER: dict[str, Callable[[Server], int]] = {
    "root": lambda fleet: fleet.pid_of("root"),
    "admin": lambda fleet: child_of(fleet, "actors"),
    "actors": lambda fleet: fleet.pid_of("actors"),
    "web": lambda fleet: fleet.pid_of("web"),
}


@pytest.mark.parametrize("part", HIGHER)
def test_what_is_above_the_groups_is_ended_and_replaced_when_it_stops(fleet: Server, part: str) -> None:
    before = HIGHER[part](fleet)
    fleet.kill(before, signal.SIGSTOP)
    # As a rule within 17 s; the actors process may have been stopped while it waited for the disk.
    wait_for(lambda: before not in fleet.processes(), 70.0, lambda: str(fleet.processes()))
    wait_for(lambda: replaced(fleet, part), 20.0, lambda: str(fleet.processes()))
    fleet.wait_ready(20.0)
    for one in IDS:
        fleet.wait_instance(
            one, lambda it: it["link_state"] == "open" and it["pid"] in fleet.processes(), 20.0
        )


def replaced(fleet: Server, part: str) -> bool:
    with contextlib.suppress(AssertionError, psutil.NoSuchProcess):
        return HIGHER[part](fleet) > 0
    return False


@pytest.mark.serial
def test_a_pause_of_the_whole_tree_convicts_nobody(fleet: Server) -> None:
    """Everything but the test is stopped for longer than the silence that convicts."""
    pids = [pid for pid, title in fleet.processes().items() if "launcher" not in title]
    restarts = {one: fleet.instance(one)["restarts"] for one in IDS}
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(5.0)  # the pause itself
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    fleet.wait_ready(20.0)
    time.sleep(4.0)  # a wrong verdict would come within the silence that convicts
    assert set(pids) <= set(fleet.processes()), "a process was replaced"
    for one in IDS:
        fleet.wait_open(one)
    assert {one: fleet.instance(one)["restarts"] for one in IDS} == restarts


def test_an_instance_that_stays_above_its_memory_ceiling_is_quarantined_with_the_reason(
    tmp_path: Path, upstream: Listener
) -> None:
    """24 messages of 0.9 MiB wait in its outbox: more than the least ceiling, also after each restart."""
    with running(tmp_path, **SHORT, supervision__memory_mb="16") as server:
        server.add("fat", f"{upstream.url}/ws/fat", payload="text", desired="disconnected")
        for _ in range(24):
            server.call("POST", "/api/v1/instances/fat/messages", {"content": "x" * 900_000})
        seen = server.wait_instance("fat", lambda one: one["link_state"] == "quarantined", 40.0)
        assert seen["restarts"] == 6
        crashes = server.call("GET", "/api/v1/instances/fat/crashes").data
        assert all("memory" in crash["cause"] for crash in crashes), crashes
        assert "the ceiling is 16 MiB" in crashes[0]["stack"]
