"""Rows whose detection takes a deadline of 20 s or more, with the default deadlines. They run side by side.

2 SYN blackhole · 3 idle blackhole · 4 blackhole with unacknowledged data · 27 handshake that stalls or drips
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from peer import Peer
from rows import House, Patient
from watching import at_s, tcp_lines_to, wait_events

from simulator.client import Simulator

# The targets are 20, 25 and 30 s; the rest is for a machine that is busy with other things.
DIAL_S, UNACKNOWLEDGED_S, IDLE_S, GRACE_S = 20.0, 25.0, 30.0, 1.0


# A timed-out dial is tried again so long after its failure: time enough to heal the fault first.
RETRY_S = 6.0
# Those whose packets have to be dropped.
FILTERED = ("syn", "idle", "unacknowledged")


@dataclass(frozen=True)
class Case:
    """One instance's way through its fault. `error`: what it noticed; `detected_s`, `recovered_s`: after how long."""

    patient: Patient
    error: dict[str, Any]
    detected_s: float
    recovered_s: float


@pytest.fixture(scope="module")
def cases(house: House, simulator: Simulator, request: pytest.FixtureRequest) -> Iterator[dict[str, Case]]:
    """All go through their faults side by side; two where no network namespace can be made."""
    upstreams = {
        "stall": simulator.listener("stall_handshake"),
        "drip": simulator.listener("drip_handshake", interval_s=0.5),
    }
    remote: Peer | None = None
    with contextlib.suppress(pytest.skip.Exception):
        remote = request.getfixturevalue("remote")
        upstreams |= {name: remote.simulator.listener() for name in FILTERED}
    with house.undisturbed():
        patients = {name: Patient(house, name, upstream) for name, upstream in upstreams.items()}
        if remote is not None:
            remote.blackhole(upstreams["syn"].port)
        for name, upstream in upstreams.items():
            overrides = {"retry": {"timeout_delay_s": RETRY_S, "jitter": 0}}
            house.server.add(name, upstream.url_of(name), overrides=overrides)
        began = {name: fault_begins(remote, patient) for name, patient in patients.items()}
        errors, healed = {}, {}
        # In the order of their deadlines: each is healed as soon as it was noticed, before it is tried again.
        for name in sorted(patients, key=lambda one: one == "idle"):
            errors[name] = patients[name].error_after(began[name], 40)
            healed[name] = time.time()
            upstream = upstreams[name]
            remote.heal(upstream.port) if remote and name in FILTERED else upstream.clear_fault()
        yield {
            name: Case(
                patients[name],
                errors[name],
                at_s(errors[name]["time"]) - began[name],
                one.opened_after(healed[name], 40),
            )
            for name, one in patients.items()
        }
        for name in patients:
            house.server.call("DELETE", f"/api/v1/instances/{name}")


def fault_begins(remote: Peer | None, patient: Patient) -> float:
    """When the instance met its fault, epoch seconds: with its first dial, or with the silence after it opened."""
    if remote is None or patient.name not in ("idle", "unacknowledged"):
        return at_s(wait_events(patient.server, patient.name, "socket.creating")[0]["time"])
    patient.open()
    remote.blackhole(patient.upstream.port)
    moment_s = time.time()
    if patient.name == "idle":
        return moment_s
    path = f"/api/v1/instances/{patient.name}/messages"
    assert patient.server.call("POST", path, {"id": "unacked", "content": {"n": 1}}).status == 202
    return moment_s


def filtered(cases: dict[str, Case], name: str) -> Case:
    if name not in cases:
        pytest.skip("no network namespace or packet filter here")
    return cases[name]


def assert_alone(case: Case) -> None:
    """The upstream never heard of the end of the old connection and may hold two for a while; the old one is mute."""
    seen = case.patient.upstream.wait_instance(case.patient.name, lambda one: one.sessions_now >= 1, 10)
    assert seen.stale_frames == 0
    sockets = tcp_lines_to(
        case.patient.server.wait_open(case.patient.name)["pid"], case.patient.upstream.port
    )
    assert len(sockets) == 1, sockets


def told(row: str, case: Case) -> None:
    case.patient.house.tell(row, D=case.detected_s, R=case.recovered_s)


def test_row_02_a_syn_blackhole_is_a_timeout_after_the_dial_deadline(cases: dict[str, Case]) -> None:
    case = filtered(cases, "syn")
    assert (case.error["kind"], case.error["status"]) == ("timeout", 408)
    assert DIAL_S - 0.5 <= case.detected_s <= DIAL_S + GRACE_S
    assert case.recovered_s <= RETRY_S + GRACE_S
    case.patient.open().assert_whole()
    told("row 2", case)


def test_row_03_an_idle_blackholed_link_is_found_dead(cases: dict[str, Case]) -> None:
    case = filtered(cases, "idle")
    assert case.error["kind"] in ("network", "timeout")
    assert case.detected_s <= IDLE_S + GRACE_S
    assert case.recovered_s <= RETRY_S + GRACE_S
    assert_alone(case)
    told("row 3", case)


def test_row_04_unacknowledged_data_ends_a_blackholed_link(cases: dict[str, Case]) -> None:
    case = filtered(cases, "unacknowledged")
    assert case.error["kind"] in ("network", "timeout")
    assert case.detected_s <= UNACKNOWLEDGED_S + GRACE_S
    assert case.recovered_s <= RETRY_S + GRACE_S
    assert_alone(case)
    told("row 4", case)


@pytest.mark.parametrize("how", ["stall", "drip"])
def test_row_27_a_handshake_that_stalls_or_drips_ends_at_the_dial_deadline(
    cases: dict[str, Case], how: str
) -> None:
    case = cases[how]
    assert (case.error["kind"], case.error["status"]) == ("timeout", 408)
    assert DIAL_S - 0.5 <= case.detected_s <= DIAL_S + GRACE_S
    assert case.recovered_s <= RETRY_S + GRACE_S
    case.patient.open().assert_whole()
    told(f"row 27 {how}", case)
