"""Row 19, no memory left: killed by the kernel, or an allocation fails; the crash record says which."""

import time

import pytest
from cgroup import memory_group
from hooked import EAT, GULP, GULP_AT_COMMIT, NO_MEMORY, run_in
from rows import Admit, Patient, crashes, received
from server import wait_for
from watching import at_s, wait_events

from simulator.client import Simulator

pytestmark = [pytest.mark.serial, pytest.mark.usefixtures("undisturbed")]

MIB = 1024 * 1024
BACK_S = 6.0
AT_LIMIT = "ended itself: an allocation failed (MemoryError) at the limit far above supervision.memory_mb"


def ended(patient: Patient, pid: int, moment_s: float) -> dict[str, object]:
    """Its crash record, once another process has its place."""
    [crashed] = wait_events(patient.server, patient.name, "instance.crashed")
    back = patient.server.wait_instance(
        patient.name, lambda one: one["link_state"] == "open" and one["pid"] not in (None, pid), 20
    )
    assert back["restarts"] == 1
    wait_for(lambda: crashes(patient), 10, lambda: "no crash record")
    [crash] = crashes(patient)
    assert crash["pid"] == pid
    assert patient.upstream.instance(patient.name).sessions_max == 1
    detected_s, recovered_s = at_s(crashed["time"]) - moment_s, patient.opened_after(moment_s, 15)
    assert recovered_s <= BACK_S
    patient.house.tell(f"row 19 {crash['cause']}", D=detected_s, R=recovered_s)
    return crash


def test_row_19_an_end_by_the_kernel_for_want_of_memory_is_recorded_as_such(
    simulator: Simulator, admit: Admit
) -> None:
    """Its process is alone in a memory cgroup and takes more than that has."""
    patient = admit(simulator.listener()).open()
    pid = patient.server.instance(patient.name)["pid"]
    with memory_group(64 * MIB) as group:
        group.take(pid)
        moment_s = time.time()
        run_in(patient.server, pid, EAT.format(mib=512))
        crash = ended(patient, pid, moment_s)
        assert group.killed() == 1
    assert crash["cause"] == "killed by SIGKILL; the kernel killed for want of memory just then"
    patient.open()


def test_row_19_a_kill_without_a_reason_claims_none(simulator: Simulator, admit: Admit) -> None:
    patient = admit(simulator.listener()).open()
    pid = patient.server.instance(patient.name)["pid"]
    moment_s = time.time()
    patient.server.kill(pid)
    assert ended(patient, pid, moment_s)["cause"] == "killed by SIGKILL"


@pytest.mark.parametrize(
    ("leak", "cause"),
    [
        (NO_MEMORY, "ended itself: an allocation failed (MemoryError)"),
        (GULP_AT_COMMIT, AT_LIMIT),
    ],
    ids=["an impossible one", "gigabytes at once"],
)
def test_row_19_a_handler_that_gets_no_memory_ends_its_process_with_the_reason(
    simulator: Simulator, admit: Admit, leak: str, cause: str
) -> None:
    """An allocation fails in the middle of an event, which is then neither stored nor acknowledged."""
    patient = admit(simulator.listener(), ack_field="id").open()
    pid = patient.server.instance(patient.name)["pid"]
    run_in(patient.server, pid, leak)
    moment_s = time.time()
    patient.upstream.push(instances=[patient.name], count=1).wait(10)
    crash = ended(patient, pid, moment_s)
    assert crash["cause"] == cause
    assert "MemoryError" in str(crash["stack"])
    assert "may take 768 MiB beside what it has at its start" in str(crash["stack"])
    seen = patient.upstream.instance(patient.name)
    wait_for(lambda: received(patient) == sorted(seen.acknowledged_ids), 10, lambda: str(received(patient)))


def test_row_19_a_process_that_gets_no_memory_between_two_messages_ends_with_the_reason(
    simulator: Simulator, admit: Admit
) -> None:
    patient = admit(simulator.listener()).open()
    pid = patient.server.instance(patient.name)["pid"]
    moment_s = time.time()
    run_in(patient.server, pid, GULP)
    crash = ended(patient, pid, moment_s)
    assert crash["cause"] == AT_LIMIT
    assert "MemoryError" in str(crash["stack"])
