"""Rows of processes that end: 15 killed · 18 crash loop · 25 a handler raises · 52 late answers."""

import signal
import time

import pytest
from hooked import CRASH_AT_START, RAISE_AFTER_COMMIT, WHOLE_AGAIN, run_in
from rows import Admit, House, Patient, crashes, received
from server import Answer, wait_for
from watching import at_s, wait_events

from simulator.client import Simulator

pytestmark = [pytest.mark.serial, pytest.mark.usefixtures("undisturbed")]

SEEN_S, BACK_S = 0.1, 6.0
LIMIT = 5


def test_row_15_a_killed_process_is_noticed_at_once_and_back_within_six_seconds(
    simulator: Simulator, admit: Admit
) -> None:
    """Events flow meanwhile: what was acknowledged is in the journal, once."""
    upstream = simulator.listener()
    patient = admit(upstream, ack_field="id").open()
    push = upstream.push(rate_per_s=50, duration_s=6)
    upstream.wait_instance(patient.name, lambda one: one.acknowledged >= 20, 10)
    pid = patient.server.instance(patient.name)["pid"]
    moment_s = patient.server.kill(pid)
    [crashed] = wait_events(patient.server, patient.name, "instance.crashed")
    detected_s, recovered_s = at_s(crashed["time"]) - moment_s, patient.opened_after(moment_s, 15)
    assert (crashed["crashed_pid"], crashed["cause"]) == (pid, "killed by SIGKILL")
    assert detected_s < SEEN_S
    assert recovered_s <= BACK_S
    push.wait(20)
    assert_exactly_once(patient)
    seen = upstream.instance(patient.name)
    assert (seen.sessions_max, seen.open_max, seen.stale_frames) == (1, 1, 0)
    patient.house.tell("row 15", D=detected_s, R=recovered_s)


def assert_exactly_once(patient: Patient) -> None:
    """The journal has every acknowledged event, and none twice."""
    wanted = patient.upstream.instance(patient.name).acknowledged_ids
    wait_for(lambda: wanted <= set(received(patient)), 20, lambda: f"lost: {wanted - set(received(patient))}")
    found = received(patient)
    assert len(found) == len(set(found))


def test_row_18_a_crash_loop_is_quarantined_at_the_sixth_crash(
    house: House, simulator: Simulator, admit: Admit
) -> None:
    patient = admit(simulator.listener()).open()
    group = house.group_of(patient.name)
    run_in(house.server, group, CRASH_AT_START.format(instance=patient.name))
    began_s = time.time()
    house.server.kill(house.server.instance(patient.name)["pid"])
    seen = house.server.wait_instance(patient.name, lambda one: one["link_state"] == "quarantined", 60)
    quarantined_s = time.time() - began_s
    assert "6 times within 60 s" in seen["reason"]
    assert seen["next_step"]
    wait_for(lambda: len(crashes(patient)) == LIMIT + 1, 10, lambda: str(crashes(patient)))
    assert all("a fault of a test" in crash["stack"] for crash in crashes(patient)[:LIMIT])
    assert patient.upstream.instance(patient.name).dials == 1
    run_in(house.server, group, WHOLE_AGAIN)
    assert house.server.call("POST", f"/api/v1/instances/{patient.name}/restart").status == 200
    house.server.wait_open(patient.name)
    house.tell("row 18", quarantined=quarantined_s)


def raised(patient: Patient, pid: int) -> None:
    """Wait until its process ended of the exception, and another one has its place."""
    back = patient.server.wait_instance(
        patient.name, lambda one: one["link_state"] == "open" and one["pid"] not in (None, pid), 20
    )
    assert back["restarts"] == 1
    wait_for(lambda: crashes(patient), 10, lambda: "no crash record")
    [crash] = crashes(patient)
    assert "a bug" in crash["cause"]
    assert "a fault of a test" in crash["stack"]
    assert patient.upstream.instance(patient.name).sessions_max == 1


def test_row_25_an_event_whose_handler_raises_after_its_commit_is_there_once(
    simulator: Simulator, admit: Admit
) -> None:
    """Thespian would run the handler again; the process ends instead, and the store has the event."""
    patient = admit(simulator.listener(), ack_field="id").open()
    pid = patient.server.instance(patient.name)["pid"]
    run_in(patient.server, pid, RAISE_AFTER_COMMIT.format(part="events"))
    patient.upstream.push(instances=[patient.name], count=1).wait(10)
    raised(patient, pid)
    wait_for(lambda: received(patient) == [1], 10, lambda: str(received(patient)))


def test_row_25_a_message_whose_handler_raises_after_its_commit_is_sent_once(
    simulator: Simulator, admit: Admit
) -> None:
    patient = admit(simulator.listener()).open()
    pid = patient.server.instance(patient.name)["pid"]
    run_in(patient.server, pid, RAISE_AFTER_COMMIT.format(part="outbox"))
    path, body = f"/api/v1/instances/{patient.name}/messages", {"id": "once", "content": {"n": 1}}
    assert patient.server.call("POST", path, body).status == 503, "the client was told nothing"
    raised(patient, pid)
    # So it asks again under the same id, and the upstream still gets it once.
    assert patient.server.call("POST", path, body).status in (200, 202)
    wait_for(
        lambda: patient.server.call("GET", f"{path}/once").data["state"] == "sent", 10, lambda: "not sent"
    )
    assert patient.upstream.instance(patient.name).texts == ['{"n":1}']


def test_row_52_a_late_answer_is_nobody_elses(simulator: Simulator, admit: Admit) -> None:
    """Two instances in turn sleep past the deadline of a command; the next command is for the other one."""
    upstream = simulator.listener()
    sleepers = [admit(upstream).open() for _ in range(2)]
    server = sleepers[0].server
    pids = [server.instance(one.name)["pid"] for one in sleepers]
    for turn in range(3):
        asleep, awake = sleepers[turn % 2], sleepers[1 - turn % 2]
        server.kill(pids[turn % 2], signal.SIGSTOP)
        late = accepted(asleep, f"late{turn}")
        assert (late.status, late.body["code"]) == (503, "timeout")
        server.kill(pids[turn % 2], signal.SIGCONT)
        # While the late answer is on its way.
        for number in range(20):
            answer = accepted(awake, f"prompt{turn}-{number}")
            assert answer.status == 202
            assert answer.data["id"] == f"prompt{turn}-{number}"
    for turn in range(3):
        path = f"/api/v1/instances/{sleepers[turn % 2].name}/messages/late{turn}"
        wait_for(lambda path=path: server.call("GET", path).data["state"] == "sent", 30, lambda: "not sent")  # type: ignore[misc]
    for one in sleepers:
        one.open().assert_whole()


def accepted(patient: Patient, message_id: str) -> Answer:
    """The answer to a message for it."""
    path = f"/api/v1/instances/{patient.name}/messages"
    return patient.server.call("POST", path, {"id": message_id, "content": {"n": message_id}}, timeout_s=20)
