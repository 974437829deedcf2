"""Rows of lines that are bad for as long as they last. They run side by side, with the default deadlines.

6 latency · 7 loss · 8 a narrow line · 13 another address of this machine
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from peer import Peer, peer
from rows import House, Patient
from server import wait_for
from watching import at_s, tcp_to

from simulator.client import Simulator

# Long enough for two pings and their deadlines, and for what the narrow line has to carry.
WATCHED_S, PING_S = 42.0, 20.0
# One packet of five, each way: with `random` a lost answer after six tries, 0.02 % of all pings, would end a link.
EVERY_FIFTH = "--mode nth --every 5 --packet 0"
LATENCY_MS = 200
LATE_EVENTS, LATE_MESSAGES = 40, 20
NARROW_KBIT = 64
# Twice 20 s of that line at once: queued before us by the upstream, and by us in front of our own pings.
NARROW_EVENTS, NARROW_MESSAGES, NARROW_BYTES = 20, 20, 8_000
MOVED_S, GRACE_S = 35.0, 1.0


@dataclass
class Lines:
    """The patients by line; `moved_s`: when this machine's address changed, `recovered_s`: how long that took."""

    patients: dict[str, Patient]
    moved_s: float = 0.0
    recovered_s: float = 0.0


@pytest.fixture(scope="module")
def moving() -> Iterator[Peer]:
    with peer() as one:
        yield one


@pytest.fixture(scope="module")
def far() -> Iterator[Peer]:
    """Reached by the narrow line."""
    with peer() as one:
        yield one


def admitted(house: House, name: str, simulator: Simulator, port: int | None = None) -> Patient:
    upstream = simulator.listener()
    host = upstream.url.rpartition(":")[0]
    url = upstream.url_of(name) if port is None else f"{host}:{port}/ws/{name}"
    house.server.add(name, url, ack_field="id", overrides={"retry": {"fast_first_s": 5}})
    return Patient(house, name, upstream)


def post(patient: Patient, count: int, size_bytes: int) -> None:
    path = f"/api/v1/instances/{patient.name}/messages"
    for number in range(count):
        body = {"id": f"m{number}", "content": {"n": number, "text": "x" * size_bytes}}
        assert patient.server.call("POST", path, body).status == 202


@pytest.fixture(scope="module")
def lines(house: House, simulator: Simulator, remote: Peer, moving: Peer, far: Peer) -> Iterator[Lines]:
    """All lines are bad from one moment on, and watched."""
    latency = simulator.listener()
    proxy = simulator.proxy(latency.port, latency_ms=LATENCY_MS)
    house.server.add("late", f"ws://127.0.0.1:{proxy.port}/ws/late", ack_field="id")
    patients = {"late": Patient(house, "late", latency, proxy_port=proxy.port)} | {
        name: admitted(house, name, one.simulator)
        for name, one in (("lossy", remote), ("narrow", far), ("moved", moving))
    }
    found = Lines(patients)
    with house.undisturbed():
        for one in patients.values():
            one.open()
        began_s = time.monotonic()
        remote.lose(patients["lossy"].upstream.port, EVERY_FIFTH)
        far.narrow(NARROW_KBIT)
        found.moved_s = time.time()
        moving.move()
        start_traffic(patients)
        found.recovered_s = patients["moved"].opened_after(found.moved_s, MOVED_S + 20)
        wait_for(lambda: time.monotonic() - began_s >= WATCHED_S, WATCHED_S + 5, lambda: "the clock stands")
        yield found
        for name in patients:
            house.server.call("DELETE", f"/api/v1/instances/{name}")


def start_traffic(patients: dict[str, Patient]) -> None:
    late, lossy, narrow = patients["late"], patients["lossy"], patients["narrow"]
    late.upstream.push(instances=["late"], count=LATE_EVENTS, rate_per_s=4)
    lossy.upstream.push(instances=["lossy"], count=LATE_EVENTS, rate_per_s=1)
    narrow.upstream.push(instances=["narrow"], count=NARROW_EVENTS, rate_per_s=100, pad_bytes=NARROW_BYTES)
    post(late, LATE_MESSAGES, 100)
    post(lossy, LATE_MESSAGES, 100)
    post(narrow, NARROW_MESSAGES, NARROW_BYTES)


def assert_undropped(patient: Patient, events: int, messages: int) -> None:
    """One connection from the first moment on, and everything got through, once."""
    try:
        seen = patient.upstream.wait_instance(
            patient.name, lambda one: (one.acknowledged, one.received) == (events, events + messages), 40
        )
    except TimeoutError:
        raise AssertionError((patient.upstream.instance(patient.name), patient.events()[-5:])) from None
    assert patient.events("socket.error") == []
    assert (seen.dials, seen.sessions_max, seen.acks_repeated, seen.stale_frames) == (1, 1, 0, 0)
    assert seen.pings >= WATCHED_S // PING_S, "the pings got through as well"
    patient.assert_whole()


def test_row_06_latency_drops_nothing(lines: Lines) -> None:
    assert_undropped(lines.patients["late"], LATE_EVENTS, LATE_MESSAGES)


def test_row_07_loss_is_no_death(lines: Lines) -> None:
    assert_undropped(lines.patients["lossy"], LATE_EVENTS, LATE_MESSAGES)


def test_row_08_a_narrow_line_that_is_full_both_ways_drops_nothing(lines: Lines) -> None:
    assert_undropped(lines.patients["narrow"], NARROW_EVENTS, NARROW_MESSAGES)


def test_row_13_another_address_of_this_machine_costs_one_reconnect(lines: Lines) -> None:
    patient = lines.patients["moved"]
    error = patient.error_after(lines.moved_s, 5)
    detected_s = at_s(error["time"]) - lines.moved_s
    assert error["kind"] in ("network", "timeout")
    assert lines.recovered_s <= MOVED_S + GRACE_S
    # The upstream never heard of the end of the old connection.
    seen = patient.upstream.wait_instance(patient.name, lambda one: one.dials == 2, 5)
    assert seen.stale_frames == 0
    assert tcp_to(patient.server.wait_open(patient.name)["pid"], patient.upstream.port) == 1
    patient.house.tell("row 13", D=detected_s, R=lines.recovered_s)
