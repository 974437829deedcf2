"""The ten log lines that operators grep for, byte for byte, as real runs write them."""

import os
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from server import QUICK, Server, running
from watching import at_s, human_lines, log_events, wait_events

from simulator.client import Listener, Simulator

# The old numbers: no chance in the delays. Six of seven failures cross the high-failure line before the breaker opens.
EXACT: dict[str, str] = {
    **QUICK,
    "retry__delay_s": "0.25",
    "retry__step_s": "0",
    "retry__jitter": "0",
    "retry__fast_first_s": "0",
    "retry__stable_after_s": "0.5",
    "breaker__failure_threshold": "7",
    "breaker__reset_after_s": "600",
    "log__timezone": "Asia/Jakarta",
}
# Python would save itself from this locale; here it may not.
POOR_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in POOR_LOCALE.items():
            patch.setenv(name, value)
        with running(tmp_path_factory.mktemp("data"), **EXACT) as one:
            yield one


@pytest.fixture(scope="module")
def toko1(server: Server, simulator: Simulator) -> Listener:
    """Connected, stable, then closed by the upstream, then connected again."""
    upstream = simulator.listener()
    server.add("toko1", upstream.url_of("toko1"))
    wait_events(server, "toko1", "retry.reset")
    upstream.drop("close", code=1001, reason="Sampai jumpa 👋")
    wait_events(server, "toko1", "connection.open", 2)
    return upstream


@pytest.fixture(scope="module")
def toko2(server: Server, simulator: Simulator) -> Listener:
    """Refused until its breaker opened, then reset by the operator while the upstream still refuses."""
    upstream = simulator.listener(fault="refuse")
    server.add("toko2", upstream.url_of("toko2"))
    server.wait_instance("toko2", lambda one: one["breaker_state"] == "open")
    server.call("PATCH", "/api/v1/instances/toko2", {"desired": "disconnected"})
    server.wait_instance("toko2", lambda one: one["link_state"] == "idle")
    assert server.call("POST", "/reset-circuit-breaker/toko2").status == 200
    wait_events(server, "toko2", "breaker.reset")
    return upstream


def texts(server: Server, instance_id: str) -> list[str]:
    return [f"{one['level']} [{one['who']}] {one['text']}" for one in human_lines(server, instance_id)]


def test_a_connection_that_opens_lasts_and_is_closed_writes_these_lines(
    server: Server, toko1: Listener
) -> None:
    opening = [
        "INFO [toko1] 🔧 Creating new WebSocket socket for instance: toko1",
        "INFO [toko1] Connection update: connecting QR: None",
        "INFO [toko1] Connection update: open QR: None",
        "INFO [toko1] ✅ Connection opened successfully",
    ]
    reason = "the server closed the connection (1001: Sampai jumpa 👋)"
    expected = [
        *opening,
        "INFO [toko1] 🔄 Retry counters reset for: toko1",
        "INFO [toko1] Connection update: close QR: None",
        f"ERROR [toko1] 🚨 WebSocket connection error caught: {reason}",
        "WARN [toko1] 🔄 Retrying connection after 250ms",
        *opening,
    ]
    assert texts(server, "toko1")[: len(expected)] == expected


def test_a_refused_instance_writes_these_lines_until_its_breaker_is_reset(
    server: Server, toko2: Listener
) -> None:
    error = f"connecting to 127.0.0.1:{toko2.port}: Connection refused"
    failing = [
        "INFO [toko2] 🔧 Creating new WebSocket socket for instance: toko2",
        "INFO [toko2] Connection update: connecting QR: None",
        "INFO [toko2] Connection update: close QR: None",
        f"ERROR [toko2] 🚨 WebSocket connection error caught: {error}",
    ]
    waiting = "WARN [toko2] 🔄 Retrying connection after 250ms"
    assert texts(server, "toko2") == [
        *[*failing, waiting] * 5,
        *failing,
        "WARN [toko2] ⚠️ WARNING: High failure rate for toko2 (6 failures)",
        waiting,
        *failing,
        "ERROR [toko2] 🔴 Circuit breaker activated for: toko2 - Too many failures",
        "WARN [toko2] ⏸️ Waiting for manual intervention or automatic reset in 10 minutes",
        "INFO [toko2] Not connecting: not wanted",
        "INFO [toko2] 🔄 Circuit breaker reset for: toko2",
    ]


def test_a_delay_that_was_logged_is_the_one_that_passed(server: Server, toko2: Listener) -> None:
    waits = log_events(server, "toko2", "retry.scheduled")
    dials = log_events(server, "toko2", "socket.creating")
    for waited, dialled in zip(waits, dials[1:], strict=True):
        passed_s = at_s(dialled["time"]) - at_s(waited["time"])
        assert 0.25 - 0.002 <= passed_s < 0.25 + 1.0


@pytest.mark.parametrize("instance_id", ["toko1", "toko2"])
def test_every_line_is_a_json_event_too_with_the_same_words_at_the_same_time_in_utc(
    server: Server, toko1: Listener, toko2: Listener, instance_id: str
) -> None:
    shown, told = human_lines(server, instance_id), log_events(server, instance_id)
    count = min(len(shown), len(told))
    assert count >= 12
    for line, event in zip(shown[:count], told[:count], strict=True):
        assert line["at"].endswith("+07:00")
        assert event["time"].endswith("Z")
        assert at_s(line["at"]) == at_s(event["time"])
        assert (line["level"], line["text"]) == (event["level"], event["text"])
    assert time.time() - 300 < at_s(shown[0]["at"]) <= time.time()


def fields_of(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in ("time", "pid", "text", "instance_id")}


def first(server: Server, instance_id: str, event: str) -> dict[str, Any]:
    return fields_of(log_events(server, instance_id, event)[0])


def test_the_ten_events_have_stable_names_and_fields(
    server: Server, toko1: Listener, toko2: Listener
) -> None:
    refused = f"connecting to 127.0.0.1:{toko2.port}: Connection refused"
    found = [
        first(server, "toko1", "socket.creating"),
        first(server, "toko1", "connection.update"),
        first(server, "toko1", "connection.open"),
        first(server, "toko1", "retry.reset"),
        first(server, "toko2", "socket.error"),
        first(server, "toko2", "retry.scheduled"),
        first(server, "toko2", "failures.high"),
        first(server, "toko2", "breaker.open"),
        first(server, "toko2", "breaker.waiting"),
        first(server, "toko2", "breaker.reset"),
    ]
    assert found == [
        {"level": "INFO", "event": "socket.creating", "attempt": 1, "probe": False},
        {"level": "INFO", "event": "connection.update", "state": "connecting"},
        {"level": "INFO", "event": "connection.open", "attempts": 0},
        {"level": "INFO", "event": "retry.reset", "attempts": 0},
        {"level": "ERROR", "event": "socket.error", "reason": refused, "kind": "network", "status": 428},
        {"level": "WARN", "event": "retry.scheduled", "delay_s": 0.25, "attempt": 1, "reason": refused},
        {"level": "WARN", "event": "failures.high", "failures": 6},
        {"level": "ERROR", "event": "breaker.open", "failures": 7, "attempts": 7},
        {"level": "WARN", "event": "breaker.waiting", "reset_after_s": 600.0},
        {"level": "INFO", "event": "breaker.reset", "cause": "reset by the operator"},
    ]


def test_the_operators_grep_finds_the_open_breaker(server: Server, toko2: Listener) -> None:
    done = subprocess.run(
        ["sh", "-c", 'grep "🔴" logs/*.log'],
        cwd=server.data,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        timeout=20,
        check=True,
    )
    [line] = done.stdout.decode("utf-8").splitlines()
    assert line.endswith("+07:00 ERROR [toko2] 🔴 Circuit breaker activated for: toko2 - Too many failures")
