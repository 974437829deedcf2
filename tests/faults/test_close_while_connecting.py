"""Row 35: an operator who connects and disconnects at random moments leaks nothing and raises nothing.

The transport alone goes through a thousand closes, and 10^5 steps in the slow run, in
tests/actors/transport/closing; here whole instances do, commanded over HTTP.
"""

import itertools
import random
import threading
import time
from functools import partial
from typing import Any

import pytest
from rows import SLACK_FDS, Admit, House, Patient
from watching import tcp_to, wait_equal

from simulator.client import Simulator

pytestmark = pytest.mark.usefixtures("undisturbed")

ROUNDS = 40
# What the handshake does meanwhile; TLS makes a dial longer, a drip makes it as long as it likes.
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "healthy": ("none", {}),
    "stalled": ("stall_handshake", {}),
    "dripped": ("drip_handshake", {"interval_s": 0.002}),
    "closing": ("close", {"after_s": 0.02}),
}


def command(patient: Patient, verb: str) -> None:
    answer = patient.server.call("POST", f"/api/v1/instances/{patient.name}/{verb}")
    assert answer.status == 200, answer.raw


def restless(patient: Patient, seed: int, failed: list[BaseException]) -> None:
    """Connect and disconnect, with pauses from nothing to longer than a dial takes."""
    moments = random.Random(seed)
    try:
        for _ in range(ROUNDS):
            command(patient, "connect")
            time.sleep(moments.choice((0.0, 0.001, 0.005, 0.02, 0.05, 0.1)) * moments.random())
            command(patient, "disconnect")
    except BaseException as error:
        failed.append(error)


def test_row_35_connecting_and_disconnecting_at_random_moments_leaks_nothing(
    house: House, simulator: Simulator, admit: Admit
) -> None:
    patients = {
        name: admit(simulator.listener(fault, **parameters), desired="disconnected")
        for name, (fault, parameters) in FAULTS.items()
    }
    pids = {
        name: house.server.wait_instance(one.name, lambda seen: seen["pid"] is not None)["pid"]
        for name, one in patients.items()
    }
    before = {name: one.quiet_fds(pids[name]) for name, one in patients.items()}
    failed: list[BaseException] = []
    operators = [
        threading.Thread(target=restless, args=(one, seed, failed))
        for seed, one in enumerate(patients.values())
    ]
    for operator in operators:
        operator.start()
    for operator in operators:
        operator.join(100)
    assert failed == []
    for name, one in patients.items():
        house.server.wait_instance(one.name, lambda seen: seen["link_state"] == "idle")
        wait_equal(partial(tcp_to, pids[name], one.upstream.port), 0)
        assert one.quiet_fds(pids[name]) <= before[name] + SLACK_FDS
        seen = one.upstream.wait_instance(one.name, lambda view: view.sockets_now == 0, 10)
        assert (seen.open_max <= 1, seen.sessions_max <= 1, seen.stale_frames) == (True, True, 0)
        assert seen.dials > 0
        shown = house.server.instance(one.name)
        assert (shown["pid"], shown["restarts"]) == (pids[name], 0)
        assert all(event["kind"] != "bug" for event in one.events("socket.error"))
        one.upstream.clear_fault()
        command(one, "connect")
        house.server.wait_open(one.name)
    print({name: one.upstream.instance(one.name).dials for name, one in patients.items()})


def test_row_35_no_two_sockets_of_one_instance_overlap(simulator: Simulator, admit: Admit) -> None:
    """Reconnecting at once by a changed address: the new dial follows the end of the old socket."""
    upstream = simulator.listener()
    patient = admit(upstream).open()
    for number in range(20):
        changed = {"headers": {"X-Turn": str(number)}}
        answer = patient.server.call("PATCH", f"/api/v1/instances/{patient.name}", changed)
        assert answer.status == 200, answer.raw
    upstream.wait_instance(
        patient.name, lambda seen: seen.sessions_now == 1 and seen.headers.get("X-Turn") == "19", 20
    )
    sockets = upstream.instance(patient.name).sockets
    overlaps = [
        (earlier.number, later.number)
        for earlier, later in itertools.pairwise(sockets)
        if earlier.closed_at is None or later.dialled_at < earlier.closed_at
    ]
    assert overlaps == []
    patient.assert_whole()
