"""Rows of what an upstream answers: 28 refusals · 32 malformed frames · 33 huge messages · 34 no reply to a Close."""

import time
from typing import Any

import psutil
import pytest
from rows import Admit, Patient
from server import wait_for
from watching import at_s, tcp_to, wait_events

from simulator.client import Simulator
from simulator.malformed import HANDSHAKES, VARIANTS

pytestmark = pytest.mark.usefixtures("undisturbed")


@pytest.mark.parametrize("status", [401, 403])
def test_row_28_a_refusal_that_will_not_change_parks_the_instance(
    simulator: Simulator, admit: Admit, status: int
) -> None:
    parked = admit(simulator.listener("http", status=status))
    seen = parked.server.wait_instance(parked.name, lambda one: one["link_state"] == "parked")
    assert f"HTTP {status}" in seen["reason"]
    assert seen["next_step"]
    [error] = parked.events("socket.error")
    assert (error["kind"], error["status"]) == ("config", status)
    # As long as another one takes for five attempts, nothing more is dialled here.
    clock = admit(simulator.listener("http", status=500))
    wait_events(clock.server, clock.name, "socket.error", 5)
    assert parked.upstream.instance(parked.name).dials == 1
    assert tcp_to(seen["pid"], parked.upstream.port) == 0
    parked.upstream.clear_fault()
    assert parked.server.call("POST", f"/force-retry/{parked.name}").status == 200
    parked.open().assert_whole()


@pytest.mark.parametrize(
    ("status", "form", "asked_s", "least_s"),
    [(429, "seconds", 2, 2.0), (503, "date", 4, 3.0), (503, None, 0, 0.5)],
    ids=["429 seconds", "503 date", "503"],
)
def test_row_28_a_throttled_dial_waits_as_long_as_the_upstream_asks(
    simulator: Simulator, admit: Admit, status: int, form: str | None, asked_s: float, least_s: float
) -> None:
    """A date has whole seconds only, so up to one may be lost."""
    asked: dict[str, Any] = {} if form is None else {"retry_after_s": asked_s, "retry_after_form": form}
    patient = admit(simulator.listener("http", status=status, **asked))
    [waiting] = wait_events(patient.server, patient.name, "retry.scheduled")[:1]
    assert (patient.events("socket.error")[0]["kind"], patient.events("socket.error")[0]["status"]) == (
        "throttled",
        status,
    )
    assert least_s <= waiting["delay_s"] < least_s + 1.5
    seen = patient.upstream.wait_instance(patient.name, lambda one: one.dials >= 2, 15)
    assert seen.dialled_at[1] - seen.dialled_at[0] >= least_s
    patient.upstream.clear_fault()
    patient.open().assert_whole()


def test_row_32_malformed_frames_are_answered_with_the_right_code(simulator: Simulator, admit: Admit) -> None:
    """Every variant at once, each to an instance of its own."""
    patients = {
        variant: admit(simulator.listener("malformed", variant=variant, after_s=0.2)) for variant in VARIANTS
    }
    codes, kinds, detected = {}, {}, []
    for variant, patient in patients.items():
        error = wait_events(patient.server, patient.name, "socket.error")[0]
        kinds[variant] = error["kind"]
        seen = patient.upstream.wait_instance(
            patient.name, lambda one: one.sockets and one.sockets[0].closed_at is not None, 10
        )
        codes[variant] = seen.sockets[0].close_code
        assert seen.sockets[0].opened_at is not None
        detected.append(at_s(error["time"]) - seen.sockets[0].opened_at - 0.2)
    assert codes == {variant: wanted.expected_close for variant, wanted in VARIANTS.items()}
    assert kinds == dict.fromkeys(VARIANTS, "protocol")
    for patient in patients.values():
        patient.upstream.clear_fault()
    for patient in patients.values():
        patient.open().assert_whole()
    patients["rsv1"].house.tell("row 32", D=max(detected))


@pytest.mark.parametrize("variant", HANDSHAKES)
def test_row_32_a_wrong_answer_to_the_handshake_is_a_protocol_failure(
    simulator: Simulator, admit: Admit, variant: str
) -> None:
    patient = admit(simulator.listener("bad_handshake", variant=variant))
    error = wait_events(patient.server, patient.name, "socket.error")[0]
    assert error["kind"] == "protocol"
    patient.upstream.clear_fault()
    patient.open().assert_whole()


LIMIT_BYTES = 70 * 1024 * 1024


@pytest.mark.parametrize("variant", ["declared", "fragments"])
def test_row_33_a_message_without_end_is_refused_and_memory_stays_flat(
    simulator: Simulator, admit: Admit, variant: str
) -> None:
    patient = admit(simulator.listener())
    process = psutil.Process(patient.server.wait_open(patient.name)["pid"])
    before = peak = process.memory_info().rss
    moment_s = time.time()
    patient.upstream.set_fault("oversized", variant=variant, total_bytes=2**40)

    def noticed() -> bool:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)
        return bool(patient.events("socket.error"))

    wait_for(noticed, 30, lambda: "the flood is not noticed")
    error = patient.events("socket.error")[0]
    seen = patient.upstream.wait_instance(patient.name, lambda one: one.sockets[0].closed_at is not None, 20)
    assert seen.sockets[0].close_code == 1009
    assert error["kind"] == "protocol"
    assert peak - before < LIMIT_BYTES
    patient.upstream.clear_fault()
    patient.open().assert_whole()
    patient.house.tell(f"row 33 {variant}", D=at_s(error["time"]) - moment_s, MiB=(peak - before) / 2**20)


CLOSE_S, TIMER_S = 3.0, 0.2  # a timer is never early


def test_row_34_a_peer_that_never_answers_the_close_is_left_in_time(
    simulator: Simulator, admit: Admit
) -> None:
    patient = admit(simulator.listener("no_close_reply")).open()
    pid = patient.server.instance(patient.name)["pid"]
    assert patient.server.call("POST", f"/api/v1/instances/{patient.name}/disconnect").status == 200
    [closing] = wait_events(patient.server, patient.name, "link.closing")
    idle = wait_events(patient.server, patient.name, "link.idle")[0]
    closed_s = at_s(idle["time"]) - at_s(closing["time"])
    assert closed_s <= CLOSE_S + TIMER_S
    assert tcp_to(pid, patient.upstream.port) == 0
    seen = patient.upstream.wait_instance(patient.name, lambda one: one.sockets_now == 0, 10)
    [only] = seen.sockets
    assert (only.close_code, only.ended_by) == (1000, "client")
    assert patient.server.call("POST", f"/api/v1/instances/{patient.name}/connect").status == 200
    patient.upstream.clear_fault()
    patient.open().assert_whole()
    patient.house.tell("row 34", closed=closed_s)


def test_row_34_a_restart_does_not_wait_for_such_a_peer_either(simulator: Simulator, admit: Admit) -> None:
    """The next process dials only when the old one's socket is gone."""
    patient: Patient = admit(simulator.listener("no_close_reply")).open()
    old = patient.server.instance(patient.name)["pid"]
    assert patient.server.call("POST", f"/api/v1/instances/{patient.name}/restart").status == 200
    patient.server.wait_instance(
        patient.name, lambda one: one["link_state"] == "open" and one["pid"] not in (old, None), 15
    )
    seen = patient.upstream.instance(patient.name)
    first, second = seen.sockets[-2:]
    assert first.closed_at is not None
    assert second.dialled_at >= first.closed_at
    assert (seen.sessions_max, seen.stale_frames) == (1, 0)
