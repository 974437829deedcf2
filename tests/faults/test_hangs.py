"""Rows of processes that hang, side by side, with the default deadlines of the supervision.

16 stopped · 17 busy loop, deadlock · 24 ignores SIGTERM
"""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hooked import BUSY, DEADLOCK, IGNORE_TERM, run_in
from rows import House, Patient, crashes
from server import alive
from watching import at_s

from simulator.client import Simulator

pytestmark = pytest.mark.serial

# The silence that convicts counts from the last heartbeat, at most 5 s before the hang. A timer is never early.
SILENT_S, BACK_S, TIMER_S = 15.0, 30.0, 0.3
GRACE_S = 1.5  # for a busy machine
TERM_S, KILL_S = 5.0, 2.0
HANGS = {"stopped": None, "busy": BUSY, "locked": DEADLOCK}


@dataclass(frozen=True)
class Hang:
    """One instance's hang. `pid`: the process that hung; `began_s`, `seen_s`, `back_s`: epoch seconds."""

    patient: Patient
    pid: int
    began_s: float
    seen_s: float
    back_s: float


@pytest.fixture(scope="module")
def hangs(house: House, simulator: Simulator) -> Iterator[dict[str, Hang]]:
    """All of them hang from one moment on; the one that ignores SIGTERM is told to restart meanwhile."""
    patients = {name: Patient(house, name, simulator.listener()) for name in (*HANGS, "stubborn")}
    with house.undisturbed():
        for name, one in patients.items():
            house.server.add(name, one.upstream.url_of(name), ack_field="id")
        pids = {name: house.server.wait_open(name)["pid"] for name in patients}
        began = {name: begin(one, pids[name]) for name, one in patients.items()}
        found = {name: awaited(one, pids[name], began[name]) for name, one in patients.items()}
        yield found
        for name in patients:
            house.server.call("DELETE", f"/api/v1/instances/{name}")


def begin(patient: Patient, pid: int) -> float:
    """Let it hang; when it did."""
    code = IGNORE_TERM if patient.name == "stubborn" else HANGS[patient.name]
    began_s = time.time()
    if code is None:
        patient.server.kill(pid, signal.SIGSTOP)
    else:
        run_in(patient.server, pid, code)
    if patient.name == "stubborn":
        answer = patient.server.call("POST", f"/api/v1/instances/{patient.name}/restart")
        assert answer.status == 200, answer.raw
        began_s = time.time()
    return began_s


def awaited(patient: Patient, pid: int, began_s: float) -> Hang:
    server, name = patient.server, patient.name
    back = server.wait_instance(
        name, lambda one: one["link_state"] == "open" and one["pid"] not in (None, pid), BACK_S + 30
    )
    seen = [at_s(one["time"]) for one in patient.events("watchdog")]
    return Hang(patient, pid, began_s, seen[0] if seen else began_s, at_s(back["since"]))


def assert_replaced(hang: Hang) -> None:
    """The old process is gone, the new one has the only session."""
    seen = hang.patient.upstream.wait_instance(hang.patient.name, lambda one: one.sockets_now == 1, 10)
    assert not alive({hang.pid})
    # A process that hangs keeps its connection until it is ended: the new one comes after that.
    assert (seen.sessions_max, seen.open_max, seen.stale_frames, seen.violations) == (1, 1, 0, 0)


@pytest.mark.parametrize(("row", "how"), [(16, "stopped"), (17, "busy"), (17, "locked")])
def test_row_16_17_a_process_that_hangs_is_ended_and_replaced(
    hangs: dict[str, Hang], row: int, how: str
) -> None:
    hang = hangs[how]
    detected_s, recovered_s = hang.seen_s - hang.began_s, hang.back_s - hang.began_s
    assert detected_s <= SILENT_S + TIMER_S
    assert recovered_s <= BACK_S
    [crash] = crashes(hang.patient)
    assert crash["pid"] == hang.pid
    assert "no heartbeat" in crash["cause"]
    if how != "stopped":
        assert "sitecustomize.py" in crash["stack"], "the stack says where it hangs"
    assert_replaced(hang)
    hang.patient.house.tell(f"row {row} {how}", D=detected_s, R=recovered_s)


def test_row_24_a_process_that_ignores_sigterm_is_killed(hangs: dict[str, Hang]) -> None:
    hang = hangs["stubborn"]
    assert hang.back_s - hang.began_s >= TERM_S, "it was asked first"
    assert hang.back_s - hang.began_s <= TERM_S + KILL_S + 2 * GRACE_S
    assert crashes(hang.patient) == [], "an end that was asked for is no crash"
    assert_replaced(hang)
    hang.patient.house.tell("row 24", back=hang.back_s - hang.began_s)
