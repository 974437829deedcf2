"""A reload, by POST or SIGHUP, takes over what is right everywhere, and changes nothing when anything is wrong."""

import os
import signal
from collections.abc import Iterator

import pytest
from server import TOKEN, wait_for
from tuned import Add, Tuned, toml, tuned_server
from watching import human_lines, log_events, wait_equal, wait_events

from simulator.client import Simulator


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuned]:
    with tuned_server(tmp_path_factory.mktemp("knobs")) as one:
        yield one


@pytest.fixture
def add(tuned: Tuned) -> Iterator[Add]:
    with tuned.adding() as make:
        yield make


def test_a_reload_by_post_changes_running_instances_and_says_what_changed(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener(fault="http", status=500)
    name = add(upstream, overrides={"breaker": {"failure_threshold": 1000}})
    wait_events(tuned.server, name, "retry.scheduled", 2)
    changed = tuned.change("retry", delay_s=0.55)
    assert changed == {"changed": ["retry.delay_s"], "restart_needed": []}
    count = len(tuned.delays(name))
    wait_events(tuned.server, name, "retry.scheduled", count + 2)
    assert tuned.delays(name)[-1] == 0.55
    assert upstream.instance(name).sessions_max == 0
    assert tuned.change("retry", delay_s=0.2)["changed"] == ["retry.delay_s"]


def test_a_reload_by_sighup_takes_over_and_a_wrong_file_changes_nothing(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    launcher = int((tuned.server.data / "run" / "sambung.pid").read_text())
    good = {**tuned.knobs, "failures": {"high": 1}}
    tuned.file.write_text(toml(good))
    os.kill(launcher, signal.SIGHUP)
    wait_equal(lambda: tuned.server.call("GET", "/api/v1/server").data["settings"]["failures"]["high"], 1)
    name = add(simulator.listener(fault="refuse"))
    assert wait_events(tuned.server, name, "failures.high")[0]["failures"] == 2

    wrong = toml({**tuned.knobs, "failures": {"high": 0}})
    tuned.file.write_text(wrong)
    line = wrong.splitlines().index("high = 0") + 1
    told = f"{tuned.file}:{line}: failures.high: must be an integer from 1 to 10000 (got 0)"
    os.kill(launcher, signal.SIGHUP)
    wait_for(
        lambda: any(told in one["text"] for one in human_lines(tuned.server)),
        10,
        lambda: f"not in the log: {told}",
    )
    refused = tuned.server.call("POST", "/api/v1/reload")
    assert refused.status == 422
    [detail] = refused.body["details"]
    assert f"{detail['field']}: {detail['message']}" == told
    assert tuned.server.call("GET", "/api/v1/server").data["settings"]["failures"]["high"] == 1
    tuned.change("failures", high=2)


def test_a_shorter_open_time_counts_for_a_breaker_that_is_open_already(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    tuned.change("breaker", reset_after_s=3600)
    upstream = simulator.listener(fault="refuse")
    name = add(upstream, overrides={"breaker": {"failure_threshold": 1}})
    tuned.server.wait_instance(name, lambda one: one["breaker_state"] == "open")
    upstream.set_fault("none")
    tuned.change("breaker", reset_after_s=1.5)
    tuned.server.wait_open(name)


def test_the_time_zone_of_the_log_changes_in_every_process(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener()
    name = add(upstream)
    wait_events(tuned.server, name, "retry.reset")
    assert {one["at"][-6:] for one in human_lines(tuned.server)} == {"+07:00"}
    tuned.change("log", timezone="Asia/Jayapura")
    upstream.drop("reset")
    wait_events(tuned.server, name, "connection.open", 2)
    assert human_lines(tuned.server, name)[-1]["at"].endswith("+09:00")
    tuned.change("log", timezone="Asia/Jakarta")


def test_deadlines_of_the_transport_change_with_the_next_dial(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener(fault="stall_handshake")
    name = add(upstream, overrides={"breaker": {"failure_threshold": 1000}})
    wait_events(tuned.server, name, "socket.error")
    tuned.change("transport", dial_timeout_s=1.5)
    count = len(log_events(tuned.server, name, "socket.error"))
    wait_events(tuned.server, name, "socket.error", count + 2)
    socket = upstream.instance(name).sockets[count + 1]
    assert socket.closed_at is not None
    assert socket.closed_at - socket.dialled_at >= 1.4
    tuned.change("transport", dial_timeout_s=0.5)


def test_one_instance_more_than_the_limit_is_refused_until_the_limit_is_raised(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    upstream = simulator.listener()
    add(upstream)
    count = tuned.server.call("GET", "/health").data["registered_instances"]
    tuned.change("limits", max_instances=count)
    body = {"id": "toomany", "link": "websocket", "url": upstream.url_of("toomany")}
    refused = tuned.server.call("POST", "/api/v1/instances", body)
    assert (refused.status, refused.body["code"]) == (409, "limit_reached")
    assert f"{count} instances exist already (limits.max_instances)" in refused.body["message"]
    tuned.change("limits", max_instances=200)
    assert tuned.server.call("POST", "/api/v1/instances", body).status == 201
    assert tuned.server.call("DELETE", "/api/v1/instances/toomany").status == 200


def test_a_disk_that_is_too_full_turns_readiness_off_and_refuses_sends(
    tuned: Tuned, simulator: Simulator, add: Add
) -> None:
    """No disk is filled: the limit is raised above what is free, the most that can be set."""
    free = os.statvfs(tuned.server.data)
    if free.f_bavail / free.f_blocks > 0.89:
        pytest.skip("the disk is almost empty: no limit that can be set is above what is free")
    name = add(simulator.listener())
    path, body = f"/api/v1/instances/{name}/messages", {"content": {"n": 1}}
    tuned.server.wait_open(name)
    assert tuned.server.call("POST", path, body).status == 202
    tuned.change("storage", min_free_percent=90)
    refused = tuned.server.call("POST", path, body)
    assert (refused.status, refused.body["code"]) == (503, "storage_low")
    assert "storage.min_free_percent" in refused.body["message"]
    wait_equal(lambda: tuned.server.call("GET", "/health/ready").status, 503)
    tuned.change("storage", min_free_percent=0)
    wait_equal(lambda: tuned.server.call("POST", path, body).status, 202)
    wait_equal(tuned.server.ready, True)


def test_who_may_ask_changes_at_once(tuned: Tuned) -> None:
    by_query = f"/api/v1/instances?access_token={TOKEN}"
    assert tuned.server.call("GET", by_query, token=None).status == 200
    tuned.change("auth", query_token=False)
    assert tuned.server.call("GET", by_query, token=None).status == 401
    assert tuned.server.call("GET", "/health", token=None).status == 200
    tuned.change("health", public=False)
    assert tuned.server.call("GET", "/health", token=None).status == 401
    assert tuned.server.call("GET", "/health").status == 200
    tuned.change("auth", query_token=True)
    tuned.change("health", public=True)


def test_more_waiting_messages_than_allowed_are_refused(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    tuned.change("outbox", max_messages=2)
    name = add(simulator.listener(), desired="disconnected")
    path = f"/api/v1/instances/{name}/messages"
    answers = [tuned.server.call("POST", path, {"content": {"n": n}}).status for n in range(3)]
    assert answers == [202, 202, 429]
    tuned.change("outbox", max_messages=1000)


def test_the_journal_keeps_to_its_size_at_each_sweep(tuned: Tuned, simulator: Simulator, add: Add) -> None:
    upstream = simulator.listener()
    name = add(upstream)
    tuned.server.wait_open(name)
    for number in range(40):
        upstream.send({"n": number, "filler": "x" * 50_000})
    path = f"/api/v1/instances/{name}/events?kind=message.received&limit=1"

    def total() -> int:
        return int(tuned.server.call("GET", path).body["page"]["total"])

    wait_equal(total, 40, 20)
    assert tuned.change("events", max_mb=1)["changed"] == ["events.max_mb"]
    # The next sweep would be in ten minutes.
    assert tuned.change("cleanup", interval_s=1)["changed"] == ["cleanup.interval_s"]
    wait_for(lambda: 0 < total() < 25, 20, lambda: f"{total()} events are left")
    tuned.change("events", max_mb=1024)
