"""What was answered or acknowledged is still there: restarts, kill -9 during writes, kills while events stream."""

import http.client
import json
import time
from pathlib import Path
from typing import Any

import pytest
from server import QUICK, TOKEN, Server, running, wait_for

from simulator.client import Simulator

pytestmark = pytest.mark.serial


def events(server: Server, instance_id: str | None = None) -> list[Any]:
    """Every event in the journal, by pages."""
    path = "/api/v1/events" if instance_id is None else f"/api/v1/instances/{instance_id}/events"
    found: list[Any] = []
    after = ""
    while True:
        answer = server.call("GET", f"{path}?limit=500{after}")
        assert answer.status == 200, answer.raw
        found += answer.data
        cursor = answer.body["page"]["next"]
        if cursor is None:
            return found
        after = f"&after={cursor}"


def test_a_restart_of_the_server_brings_everything_back(tmp_path: Path, simulator: Simulator) -> None:
    upstream, refusing = simulator.listener(), simulator.listener(fault="refuse")
    with running(tmp_path, **QUICK) as server:
        server.add("up", f"{upstream.url}/ws/up")
        server.add("off", f"{upstream.url}/ws/off", desired="disconnected")
        server.add("tripped", f"{refusing.url}/ws/tripped", overrides={"breaker": {"reset_after_s": 120}})
        server.wait_open("up")
        tripped = server.wait_instance("tripped", lambda one: one["breaker_state"] == "open")
        held = server.call("POST", "/api/v1/instances/off/messages", {"id": "m1", "content": {"n": 1}})
        assert held.status == 202
        reader = server.call("POST", "/api/v1/tokens", {"name": "reader", "scopes": ["read"]}).data["value"]
        before = events(server)
        remaining_s = server.call("GET", "/circuit-breaker-status/tripped").data["next_retry_in_s"]
        stopped_at = time.monotonic()
        assert server.stop() == 0

        server.start()
        server.wait_open("up")
        assert server.instance("off")["desired"] == "disconnected"
        assert server.instance("off")["link_state"] == "idle"
        back = server.wait_instance("tripped", lambda one: one["breaker_state"] == "open")
        passed_s = time.monotonic() - stopped_at
        again_s = server.call("GET", "/circuit-breaker-status/tripped").data["next_retry_in_s"]
        assert again_s == pytest.approx(remaining_s - passed_s, abs=5.0), "the open time goes on"
        assert (back["attempts"], back["recent_failures"]) == (
            tripped["attempts"],
            tripped["recent_failures"],
        )
        assert server.call("GET", "/api/v1/instances", token=reader).status == 200
        waiting = server.call("GET", "/api/v1/instances/off/messages/m1").data
        assert waiting["state"] == "accepted"
        after = events(server)
        assert after[: len(before)] == before, "event numbers and contents stay"
        assert server.call("POST", "/api/v1/instances/off/connect").status == 200
        wait_for(
            lambda: upstream.instance("off").texts == ['{"n":1}'], 20, lambda: str(upstream.instance("off"))
        )


def test_acknowledged_events_are_in_the_journal_exactly_once_while_instances_are_killed(
    tmp_path: Path, simulator: Simulator
) -> None:
    """50 instances, 10 events a second each, one instance killed every second, for 20 s."""
    stream(tmp_path, simulator, count=50, rate=10, seconds=20)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_minute_of_events_and_kills_loses_and_doubles_nothing(tmp_path: Path, simulator: Simulator) -> None:
    stream(tmp_path, simulator, count=50, rate=10, seconds=60)


def stream(folder: Path, simulator: Simulator, count: int, rate: float, seconds: float) -> None:
    upstream = simulator.listener()
    ids = [f"e{number}" for number in range(count)]
    settings = {**QUICK, "supervision__max_restarts": "100"}
    with running(folder, **settings) as server:
        for one in ids:
            server.add(one, f"{upstream.url}/ws/{one}", ack_field="id")
        for one in ids:
            server.wait_open(one, 60)
        upstream.push(rate_per_s=rate, duration_s=seconds)
        for turn in range(int(seconds)):
            pid = server.instance(ids[turn % count])["pid"]
            if pid is not None:
                server.kill(pid)
            time.sleep(1.0)  # the load's own clock: one kill a second
        acknowledged = {one: upstream.instance(one).acknowledged_ids for one in ids}
        total = sum(len(numbers) for numbers in acknowledged.values())
        assert total > 0.5 * count * rate * seconds, f"only {total} events were acknowledged"
        settle(server, ids)
        assert_exactly_once(server, acknowledged)


def settle(server: Server, ids: list[str]) -> None:
    """Until every instance is open again: what it had unsent is sent on its return."""
    for one in ids:
        server.wait_open(one, 30)
    last = [-1]

    def quiet() -> bool:
        before, last[0] = last[0], len(events(server))
        return before == last[0]

    wait_for(quiet, 60, lambda: f"{last[0]} events and counting")


def assert_exactly_once(server: Server, acknowledged: dict[str, set[int]]) -> None:
    for one, numbers in acknowledged.items():
        received = [
            event["data"]["content"]["id"]
            for event in events(server, one)
            if event["kind"] == "message.received"
        ]
        assert len(received) == len(set(received)), f"{one}: doubled"
        assert numbers <= set(received), f"{one}: lost {sorted(numbers - set(received))[:5]}"


def test_an_event_stream_replays_from_the_last_seen_event(tmp_path: Path, simulator: Simulator) -> None:
    upstream = simulator.listener()
    with running(tmp_path, **QUICK) as server:
        server.add("s1", f"{upstream.url}/ws/s1")
        server.wait_open("s1")
        upstream.push(count=5, rate_per_s=50)
        wait_for(
            lambda: sum(e["kind"] == "message.received" for e in events(server)) == 5, 20, lambda: "no events"
        )
        known = events(server)
        seen = read_stream(server, known[2]["id"], len(known) - 3)
        assert [event["id"] for event in seen] == [event["id"] for event in known[3:]]


def read_stream(server: Server, last_id: str, count: int) -> list[Any]:
    """The next events of an SSE stream after `last_id`."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last_id, "Authorization": f"Bearer {TOKEN}"}
    connection.request("GET", "/api/v1/events", headers=headers)
    answer = connection.getresponse()
    assert answer.getheader("Content-Type", "").startswith("text/event-stream")
    found: list[Any] = []
    while len(found) < count:
        line = answer.readline().decode()
        if line.startswith("data:"):
            found.append(json.loads(line[5:]))
    connection.close()
    return found
