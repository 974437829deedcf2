"""Rows of the network that are noticed at once: 1 refused · 5 reset · 9 one-byte slices · 10 half-close."""

import time

import pytest
from peer import Peer, ran
from rows import Admit
from watching import at_s, tcp_to, wait_events

from simulator.client import Simulator

pytestmark = [pytest.mark.serial, pytest.mark.usefixtures("undisturbed")]

AT_ONCE_S = 1.0
BACK_S = 5.0


def test_row_01_a_refused_connection_is_noticed_at_once_and_retried_with_jitter(
    remote: Peer, admit: Admit
) -> None:
    upstream = remote.simulator.listener()
    remote.reject(upstream.port)
    patient = admit(upstream, overrides={"retry": {"step_s": 0}})
    wait_events(patient.server, patient.name, "retry.scheduled", 8)
    dials, errors = patient.events("socket.creating"), patient.events("socket.error")
    detected_s = max(
        at_s(error["time"]) - at_s(dial["time"]) for dial, error in zip(dials, errors, strict=False)
    )
    assert detected_s < AT_ONCE_S
    assert {error["kind"] for error in errors} == {"network"}
    delays = [one["delay_s"] for one in patient.events("retry.scheduled")]
    assert all(0.5 <= delay < 0.6 for delay in delays), "the least wait and up to a fifth more"
    assert len(set(delays)) == len(delays)
    healed_s = time.time()
    remote.accept(upstream.port)
    recovered_s = patient.opened_after(healed_s, BACK_S)
    patient.open().assert_whole()
    patient.house.tell("row 1", D=detected_s, R=recovered_s)


@pytest.mark.parametrize("side", ["upstream", "own"])
def test_row_05_a_reset_is_noticed_at_once(remote: Peer, admit: Admit, side: str) -> None:
    """`ss -K` destroys a socket: the upstream's, which sends us RST, or our own."""
    upstream = remote.simulator.listener()
    patient = admit(upstream).open()
    wait_events(patient.server, patient.name, "retry.reset")
    kill = ("ss", "-K", "-t", "state", "established")
    moment_s = time.time()
    if side == "upstream":
        killed = remote.run(*kill, f"sport = {upstream.port}")
    else:
        killed = ran(*kill, f"dst {remote.address} and dport = {upstream.port}")
    if str(upstream.port) not in killed:
        pytest.skip("this kernel's ss -K destroys nothing (CONFIG_INET_DIAG_DESTROY)")
    error = patient.error_after(moment_s, 10)
    detected_s, recovered_s = at_s(error["time"]) - moment_s, patient.opened_after(moment_s, 10)
    assert error["kind"] == "network"
    assert detected_s < AT_ONCE_S
    assert recovered_s <= BACK_S
    patient.assert_whole()
    patient.house.tell(f"row 5 {side}", D=detected_s, R=recovered_s)


def test_row_05_a_reset_by_the_upstream_itself(simulator: Simulator, admit: Admit) -> None:
    """The same without `ss -K`: the simulator closes with SO_LINGER 0."""
    upstream = simulator.listener()
    patient = admit(upstream).open()
    moment_s = time.time()
    upstream.drop("reset")
    error = patient.error_after(moment_s, 10)
    assert error["kind"] == "network"
    assert at_s(error["time"]) - moment_s < AT_ONCE_S
    assert patient.opened_after(moment_s, 10) <= BACK_S
    patient.assert_whole()


def test_row_09_one_byte_slices_are_no_error(simulator: Simulator, admit: Admit) -> None:
    upstream = simulator.listener(behaviour={"echo": True})
    proxy = simulator.proxy(upstream.port, slice_bytes=1)
    patient = admit(upstream, url=f"ws://127.0.0.1:{proxy.port}/ws/sliced", ack_field="id")
    patient.server.wait_open(patient.name)
    upstream.push(instances=["sliced"], count=50, rate_per_s=50, pad_bytes=300).wait(30)
    seen = upstream.wait_instance("sliced", lambda one: one.acknowledged == 50, 30)
    path = f"/api/v1/instances/{patient.name}/messages"
    for number in range(5):
        content = {"n": number, "text": "irisan 🍰 " * 20}
        assert patient.server.call("POST", path, {"id": f"m{number}", "content": content}).status == 202
    seen = upstream.wait_instance("sliced", lambda one: one.received == 55, 30)
    assert (seen.dials, seen.sessions_max, seen.violations, seen.acks_repeated) == (1, 1, 0, 0)
    assert patient.events("socket.error") == []


def test_row_10_a_half_close_is_noticed_at_once_and_the_descriptor_closed(
    simulator: Simulator, admit: Admit
) -> None:
    upstream = simulator.listener()
    proxy = simulator.proxy(upstream.port)
    patient = admit(upstream, url=f"ws://127.0.0.1:{proxy.port}/ws/half")
    pid = patient.server.wait_open(patient.name)["pid"]
    moment_s = time.time()
    proxy.cut("half_close", toward="client")
    error = patient.error_after(moment_s, 10)
    detected_s = at_s(error["time"]) - moment_s
    assert detected_s < AT_ONCE_S
    # The other direction is still open at the proxy; the new link has the only socket all the same.
    recovered_s = patient.opened_after(moment_s, 10)
    assert recovered_s <= BACK_S
    assert tcp_to(pid, proxy.port) == 1
    upstream.wait_instance("half", lambda one: one.sockets_now == 1, 10)
    assert upstream.instance("half").stale_frames == 0
    patient.house.tell("row 10", D=detected_s, R=recovered_s)
