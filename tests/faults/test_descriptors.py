"""Row 20, no descriptor left in a running process: it is reported, nothing spins, and it is over when the limit is."""

import contextlib
import itertools
import resource
import socket
import time
from collections.abc import Iterator

import psutil
import pytest
from rows import OTHERS, Admit, House, crashes
from server import wait_for
from watching import open_fds, wait_events

from simulator.client import Simulator

pytestmark = pytest.mark.usefixtures("undisturbed")

WATCHED_S = 3.0
# Six starts that fail would be over by then.
QUARANTINE_S = 5.0
# More than what may be free.
KNOCKS = 8
# Of one core, over the time watched; a loop that polls a socket that it cannot accept takes all of it.
SPIN_PERCENT = 30.0


@contextlib.contextmanager
def limited(pid: int) -> Iterator[None]:
    """The process has as many descriptors as it is allowed to, until the end."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    leave_none(pid)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def leave_none(pid: int) -> None:
    """From now on it can open something only in the place of what it closes."""
    taken = {int(number) for number in open_fds(pid)}
    lowest = next(number for number in itertools.count() if number not in taken)
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, hard))


@contextlib.contextmanager
def knocking(pid: int) -> Iterator[None]:
    """Connections to the process's port that it has no descriptors for."""
    ports = {one.laddr.port for one in psutil.Process(pid).net_connections("tcp4") if one.status == "LISTEN"}
    with contextlib.ExitStack() as held:
        for port in ports:
            for _ in range(KNOCKS):
                held.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        yield


def cpu_percent(pid: int, seconds: float) -> float:
    """Its share of a core over a time."""
    process = psutil.Process(pid)
    before, end_s = process.cpu_times(), time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= end_s, seconds + 5, lambda: "the clock stands")
    after = process.cpu_times()
    return 100 * (after.user + after.system - before.user - before.system) / seconds


def test_row_20_an_instance_without_descriptors_says_so_and_dials_again_later(
    simulator: Simulator, admit: Admit
) -> None:
    """First its link ends; then a message comes over a connection that it cannot accept."""
    patient = admit(simulator.listener()).open()
    server = patient.server
    pid = server.instance(patient.name)["pid"]
    with limited(pid):
        moment_s = time.time()
        patient.upstream.drop("reset")
        wait_events(server, patient.name, "socket.error", 4)
        # What the link had is free again, and not enough for a dial.
        leave_none(pid)
        errors = patient.events("socket.error")[1:]
        assert all("descriptor" in one["text"] for one in errors), errors
        assert "descriptor" in server.instance(patient.name)["reason"]
        path = f"/api/v1/instances/{patient.name}/messages"
        answer = server.call("POST", path, {"id": "m", "content": {"n": 1}}, timeout_s=20)
        assert answer.status in (202, 503)
        with knocking(pid):
            used = cpu_percent(pid, WATCHED_S)
        assert patient.upstream.instance(patient.name).dials == 1
    healed_s = time.time()
    recovered_s = patient.opened_after(healed_s, 20)
    patient.house.tell("row 20 instance", cpu_percent=used, lasted=healed_s - moment_s, R=recovered_s)
    assert used < SPIN_PERCENT
    wait_for(lambda: server.call("GET", f"{path}/m").data["state"] == "sent", 10, lambda: "not sent")
    patient.assert_whole()


def test_row_20_a_group_without_descriptors_starts_an_instance_once_it_has_some(
    house: House, simulator: Simulator, admit: Admit
) -> None:
    """A process cannot be made meanwhile; that is no crash of the instance, and the others do not notice."""
    server, group = house.server, house.group_of(OTHERS[0])
    began_s = time.time()
    with limited(group):
        patient = admit(simulator.listener())
        shown = server.wait_instance(patient.name, lambda one: one["reason"], 20)
        assert (shown["link_state"], shown["pid"], shown["restarts"]) == ("waiting", None, 0)
        assert "no process can be started: Too many open files" in shown["reason"]
        with knocking(group):
            used = cpu_percent(group, WATCHED_S)
        wait_for(lambda: time.time() - began_s >= QUARANTINE_S, QUARANTINE_S, lambda: "the clock stands")
        assert server.instance(patient.name)["link_state"] == "waiting", "however long it lasts"
    healed_s = time.time()
    recovered_s = patient.opened_after(healed_s, 20)
    assert used < SPIN_PERCENT
    assert crashes(patient) == []
    house.tell("row 20 group", cpu_percent=used, R=recovered_s)
