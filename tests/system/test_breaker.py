"""The circuit breaker in real time, with short knobs: trip, one probe, reopening, closing once stable, surviving.

Dials are counted at the upstream, which answers HTTP 500 (a failure that counts) unless a test says otherwise.
"""

import itertools
from collections.abc import Iterator

import pytest
from breaking import (
    DELAY_S,
    DIAL_TIMEOUT_S,
    EARLY_S,
    LATE_S,
    PROBE_TIMEOUT_S,
    RESET_AFTER_S,
    SETTINGS,
    THRESHOLD,
    TIMEOUT_DELAY_S,
    Start,
    assert_after,
    starting,
    tripped,
)
from server import Server, running, wait_for
from watching import at_s, log_events, wait_events

from simulator.client import Simulator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), **SETTINGS) as one:
        yield one


@pytest.fixture
def start(server: Server, simulator: Simulator) -> Iterator[Start]:
    with starting(server, simulator) as make:
        yield make


def test_it_opens_at_the_threshold_and_the_timeline_tells_cause_delay_and_next_attempt(
    server: Server, start: Start
) -> None:
    name, upstream = start(breaker={"reset_after_s": 60})
    server.wait_instance(name, lambda one: one["breaker_state"] == "open")
    assert upstream.instance(name).dials == THRESHOLD
    entries = server.timeline(name)
    waits = [one for one in entries if one["event"] == "retry.scheduled"]
    assert [one["delay_s"] for one in waits] == [DELAY_S] * (THRESHOLD - 1)
    assert {one["cause"] for one in waits} == {"the server failed (HTTP 500)"}
    dials = [at_s(one["at"]) for one in entries if one["event"] == "socket.creating"]
    for wait, dialled_s in zip(waits, dials[1:], strict=True):
        assert at_s(wait["next_at"]) - at_s(wait["at"]) == pytest.approx(DELAY_S, abs=0.1)
        assert_after(dialled_s, at_s(wait["next_at"]), 0)
    opened = next(one for one in entries if one["event"] == "breaker.open")
    assert opened["cause"] == "circuit breaker open: the server failed (HTTP 500)"
    assert at_s(opened["next_at"]) - at_s(opened["at"]) == pytest.approx(60, abs=0.5)
    status = server.call("GET", f"/circuit-breaker-status/{name}").data
    assert (status["recent_failures"], status["retry_attempts"]) == (THRESHOLD, THRESHOLD)
    assert "circuit breaker open" in status["reason"]


def test_a_link_that_opens_and_falls_before_it_is_stable_trips_it_too(server: Server, start: Start) -> None:
    name, upstream = start("drop", after_s=0.1)
    tripped(server, name)
    assert upstream.instance(name).opened == THRESHOLD


def test_stable_connections_in_between_keep_it_closed(server: Server, start: Start) -> None:
    name, upstream = start("none")
    for drops in range(1, THRESHOLD + 2):
        wait_events(server, name, "retry.reset", drops)
        upstream.drop("reset")
    server.wait_open(name)
    assert log_events(server, name, "breaker.open") == []


def test_each_probe_is_exactly_one_dial_and_a_failed_one_opens_it_again(server: Server, start: Start) -> None:
    name, upstream = start()
    tripped(server, name, 3)
    dialled = upstream.instance(name).dialled_at
    assert len(dialled) == THRESHOLD + 2, "one dial for each probe"
    trips = [at_s(one["time"]) for one in log_events(server, name, "breaker.open")]
    for opened_s, probed_s in zip(trips, dialled[THRESHOLD:], strict=False):
        assert_after(probed_s, opened_s, RESET_AFTER_S)
    probes = [one["probe"] for one in log_events(server, name, "socket.creating")]
    assert probes[: THRESHOLD + 2] == [False] * THRESHOLD + [True] * 2


def test_a_probe_that_succeeds_closes_it_once_the_connection_is_stable(server: Server, start: Start) -> None:
    stable_after_s = 3.0
    name, upstream = start(retry={"stable_after_s": stable_after_s})
    tripped(server, name)
    upstream.set_fault("none")
    assert server.wait_open(name)["breaker_state"] == "half_open"
    status = server.call("GET", f"/circuit-breaker-status/{name}").data
    assert (status["circuit_breaker_active"], status["session_exists"]) == (True, True)
    after = server.wait_instance(name, lambda one: one["breaker_state"] == "closed")
    assert (after["attempts"], after["recent_failures"]) == (0, 0)
    [opened], [closed] = (
        log_events(server, name, "connection.open"),
        log_events(server, name, "breaker.reset"),
    )
    assert closed["cause"] == "the probe's connection is stable"
    assert_after(at_s(closed["time"]), at_s(opened["time"]), stable_after_s)
    assert upstream.instance(name).dials == THRESHOLD + 1


def test_a_probe_whose_connection_falls_before_it_is_stable_opens_it_again(
    server: Server, start: Start
) -> None:
    name, upstream = start()
    tripped(server, name)
    upstream.set_fault("drop", after_s=0.2)
    wait_events(server, name, "connection.open")
    tripped(server, name, 2)
    assert log_events(server, name, "breaker.reset") == []
    assert upstream.instance(name).dials == THRESHOLD + 1


@pytest.mark.parametrize(
    ("fault", "deadline_s"),
    [("stall_handshake", DIAL_TIMEOUT_S), ("none", PROBE_TIMEOUT_S)],
    ids=["dial", "login"],
)
def test_row_31_a_probe_that_hangs_opens_it_again_within_its_deadline(
    server: Server, start: Start, fault: str, deadline_s: float
) -> None:
    """A dial that hangs has the dial's own, shorter deadline; dial and login together have the probe's."""
    name, upstream = start(login=True)
    tripped(server, name)
    upstream.set_fault(fault)
    again = tripped(server, name, 2)
    probe = next(one for one in log_events(server, name, "socket.creating") if one["probe"])
    assert_after(at_s(again["time"]), at_s(probe["time"]), deadline_s)
    error = log_events(server, name, "socket.error")[THRESHOLD]
    assert (error["kind"], error["status"]) == ("timeout", 408)


def test_row_30_timeouts_wait_the_longer_time_and_open_it_at_the_threshold(
    server: Server, start: Start
) -> None:
    name, upstream = start("stall_handshake")
    tripped(server, name)
    errors = log_events(server, name, "socket.error")[:THRESHOLD]
    assert {(one["kind"], one["status"]) for one in errors} == {("timeout", 408)}
    waits = log_events(server, name, "retry.scheduled")
    assert [one["delay_s"] for one in waits] == [TIMEOUT_DELAY_S] * (THRESHOLD - 1)
    dialled = upstream.instance(name).dialled_at
    for earlier, later in itertools.pairwise(dialled[:THRESHOLD]):
        assert_after(later, earlier, DIAL_TIMEOUT_S + TIMEOUT_DELAY_S)


def test_it_survives_the_kill_of_its_process_with_the_open_time_that_was_left(
    server: Server, start: Start
) -> None:
    reset_after_s = 5.0
    name, upstream = start(breaker={"reset_after_s": reset_after_s})
    opened = tripped(server, name)
    before = server.wait_instance(name, lambda one: one["breaker_state"] == "open")
    server.kill(before["pid"])
    after = server.wait_instance(name, lambda one: one["pid"] not in (None, before["pid"]))
    assert (after["breaker_state"], after["attempts"], after["recent_failures"]) == (
        "open",
        THRESHOLD,
        THRESHOLD,
    )
    upstream.wait_instance(name, lambda one: one.dials > THRESHOLD, reset_after_s + 2 * LATE_S)
    assert_after(upstream.instance(name).dialled_at[THRESHOLD], at_s(opened["time"]), reset_after_s)


def test_a_probe_that_dies_with_its_process_is_made_again_alone(server: Server, start: Start) -> None:
    name, upstream = start(login=True, breaker={"probe_timeout_s": 60})
    opened = tripped(server, name)
    upstream.set_fault("none")
    pid = server.wait_instance(name, lambda one: one["link_state"] == "authenticating")["pid"]
    upstream.set_behaviour(login_required=True)
    server.kill(pid)
    server.wait_open(name)
    probes = upstream.instance(name).dialled_at[THRESHOLD:]
    assert len(probes) == 2
    assert probes[0] >= at_s(opened["time"]) + RESET_AFTER_S - EARLY_S
    assert upstream.instance(name).sessions_max == 1


def test_a_force_retry_dials_at_once_and_clears_everything(server: Server, start: Start) -> None:
    name, upstream = start(breaker={"reset_after_s": 600})
    tripped(server, name)
    server.wait_instance(name, lambda one: one["breaker_state"] == "open")
    assert server.call("POST", f"/force-retry/{name}").status == 200
    upstream.wait_instance(name, lambda one: one.dials >= THRESHOLD + 1, 5)
    after = server.wait_instance(name, lambda one: one["attempts"] == 1)
    assert (after["breaker_state"], after["recent_failures"]) == ("closed", 1)
    tripped(server, name, 2)
    assert upstream.instance(name).dials == 2 * THRESHOLD, "the count begins anew"


def test_a_reset_closes_it_and_dials_under_the_ordinary_rules(server: Server, start: Start) -> None:
    name, upstream = start(breaker={"reset_after_s": 600})
    tripped(server, name)
    server.wait_instance(name, lambda one: one["breaker_state"] == "open")
    assert server.call("POST", f"/reset-circuit-breaker/{name}").status == 200
    tripped(server, name, 2)
    assert upstream.instance(name).dials == 2 * THRESHOLD
    [reset] = log_events(server, name, "breaker.reset")
    assert reset["cause"] == "reset by the operator"


def test_a_reset_before_the_limit_takes_the_failures_away(server: Server, start: Start) -> None:
    name, upstream = start(retry={"delay_s": 600})
    server.wait_instance(name, lambda one: one["recent_failures"] == 1)
    upstream.set_fault("none")
    assert server.call("POST", f"/reset-circuit-breaker/{name}").status == 200
    assert server.wait_open(name)["recent_failures"] == 0


def test_an_open_breaker_disturbs_no_other_instance_of_the_same_upstream(
    server: Server, simulator: Simulator
) -> None:
    upstream = simulator.listener()
    upstream.set_fault("http", instance="sick", status=500)
    server.add("well", upstream.url_of("well"))
    server.add("sick", upstream.url_of("sick"))
    tripped(server, "sick", 2)
    wait_for(lambda: upstream.instance("well").sessions_now == 1, 10, lambda: str(upstream.instance("well")))
    assert upstream.instance("well").dials == 1
    assert server.instance("well")["breaker_state"] == "closed"
