"""The operators' endpoints against a real server: keys, types, bytes."""

from typing import Any

import pytest
from server import TOKEN, Answer, Server, wait_for

from simulator.client import Simulator

HEALTH_INTEGERS = (
    "total_instances",
    "active_connections",
    "circuit_breaker_activations",
    "health_score",
    "registered_instances",
    "connecting",
    "awaiting_link",
    "parked",
    "total_retry_attempts",
    "total_recent_failures",
    "hosts",
)


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body["code"]


@pytest.fixture(scope="module")
def broken(server: Server, simulator: Simulator) -> str:
    """An instance whose upstream refuses: its breaker opens after three failures."""
    upstream = simulator.listener(fault="refuse")
    server.add("broken", f"{upstream.url}/ws/broken", overrides={"breaker": {"reset_after_s": 3600}})
    server.wait_instance("broken", lambda one: one["breaker_state"] == "open")
    return "broken"


def test_health_has_the_known_keys_and_types_in_compact_json(server: Server, steady: str) -> None:
    answer = server.call("GET", "/health", token=None)
    assert answer.status == 200
    assert answer.raw.startswith(
        b'{"status":"success","message":"Server is running","data":{"server_status":"running",'
    )
    data = answer.data
    assert data["server_status"] == "running"
    assert all(type(data[key]) is int for key in HEALTH_INTEGERS), data
    assert data["availability"] is None or 0 <= data["availability"] <= 1
    assert isinstance(data["upstreams"], list)
    assert data["snapshot_age_s"] < 5
    assert answer.body["timestamp"].endswith("Z")


def test_health_score_counts_an_open_breaker_and_not_twice(server: Server, steady: str, broken: str) -> None:
    def score() -> Any:
        data = server.call("GET", "/health").data
        return (
            data["total_instances"],
            data["active_connections"],
            data["circuit_breaker_activations"],
            data["health_score"],
        )

    wait_for(lambda: score() == (2, 1, 1, 85), 10, lambda: str(score()))


def test_breaker_status_of_an_open_link(server: Server, steady: str) -> None:
    answer = server.call("GET", "/circuit-breaker-status/steady", token=None)
    data = answer.data
    assert answer.status == 200
    assert (data["instance_id"], data["session_exists"], data["connecting"]) == ("steady", True, False)
    assert data["circuit_breaker_active"] is False
    assert (data["breaker_state"], data["link_state"]) == ("closed", "open")


def test_breaker_status_of_an_open_breaker(server: Server, broken: str) -> None:
    data = server.call("GET", "/circuit-breaker-status/broken", token=None).data
    assert (data["circuit_breaker_active"], data["breaker_state"]) == (True, "open")
    assert (data["session_exists"], data["connecting"]) == (False, False)
    assert data["recent_failures"] == 3
    assert data["retry_attempts"] == 3
    assert len(data["last_failure_timestamps"]) == 3
    assert all(type(stamp) is int and stamp > 1e12 for stamp in data["last_failure_timestamps"])
    assert 3500 < data["next_retry_in_s"] <= 3600


def test_an_unknown_instance_is_404_with_its_name(server: Server) -> None:
    answer = server.call("GET", "/circuit-breaker-status/nobody", token=None)
    assert (answer.status, answer.body["message"]) == (404, "Instance nobody not found")


def test_a_force_retry_of_an_open_link_says_that_the_session_exists(server: Server, steady: str) -> None:
    answer = server.call("POST", "/force-retry/steady")
    assert answer.status == 409
    assert answer.body["message"] == "Session already exists"
    assert answer.data == {"success": False, "session_exists": True}


def test_a_force_retry_clears_the_breaker_and_dials(server: Server, simulator: Simulator) -> None:
    upstream = simulator.listener(fault="refuse")
    server.add("forced", f"{upstream.url}/ws/forced", overrides={"breaker": {"reset_after_s": 3600}})
    server.wait_instance("forced", lambda one: one["breaker_state"] == "open")
    upstream.set_fault("none")
    answer = server.call("POST", f"/force-retry/forced?access_token={TOKEN}", token=None)
    assert answer.raw == (
        b'{"status":"success","message":"Retry initiated successfully",'
        b'"data":{"success":true,"session_created":true}}'
    )
    assert server.wait_open("forced")["breaker_state"] == "closed"


def test_a_force_retry_while_dialling_says_so(server: Server, simulator: Simulator) -> None:
    upstream = simulator.listener(fault="stall_handshake")
    server.add("stalled", f"{upstream.url}/ws/stalled")
    server.wait_instance("stalled", lambda one: one["link_state"] == "dialling")
    answer = server.call("POST", "/force-retry/stalled")
    assert answer.status == 409
    assert answer.body["message"] == "Connection already in progress"
    assert answer.data == {"success": False, "connecting": True}
    assert server.call("GET", "/circuit-breaker-status/stalled").data["connecting"] is True


def test_a_force_retry_of_an_unwanted_instance_makes_it_wanted(server: Server, simulator: Simulator) -> None:
    server.add("unwanted", f"{simulator.listener().url}/ws/unwanted", desired="disconnected")
    assert server.instance("unwanted")["link_state"] == "idle"
    assert server.call("POST", "/force-retry/unwanted").status == 200
    assert server.wait_open("unwanted")["desired"] == "connected"


def test_a_parked_configuration_is_tried_again_by_force(server: Server, simulator: Simulator) -> None:
    upstream = simulator.listener()
    upstream.set_fault("http", status=404)
    server.add("misnamed", f"{upstream.url}/ws/misnamed")
    parked = server.wait_instance("misnamed", lambda one: one["link_state"] == "parked")
    assert "404" in parked["reason"]
    assert parked["next_step"]
    upstream.set_fault("none")
    assert server.call("POST", "/force-retry/misnamed").status == 200
    server.wait_open("misnamed")


def test_a_rejected_login_stays_parked_until_its_next_step_is_followed(
    server: Server, simulator: Simulator
) -> None:
    upstream = simulator.listener()
    upstream.set_fault("login_reject")
    login = {"accept": {"type": "welcome"}, "reject": {"type": "login_failed"}}
    server.add("rejected", f"{upstream.url}/ws/rejected", hello=[{"type": "login"}], login=login)
    parked = server.wait_instance("rejected", lambda one: one["link_state"] == "parked")
    answer = server.call("POST", "/force-retry/rejected")
    assert code(answer) == (409, "parked")
    assert answer.data["next_step"] == parked["next_step"]
    assert "disconnect and connect" in parked["next_step"]
    assert server.call("POST", "/api/v1/instances/rejected/restart").status == 200
    server.wait_instance(
        "rejected", lambda one: one["link_state"] == "parked" and one["pid"] not in (None, parked["pid"])
    )
    assert upstream.instance("rejected").dials == 1
    upstream.clear_fault()
    for verb in ("disconnect", "connect"):
        assert server.call("POST", f"/api/v1/instances/rejected/{verb}").status == 200
    server.wait_open("rejected")


def test_a_reset_closes_the_breaker_with_exactly_these_keys(server: Server, simulator: Simulator) -> None:
    upstream = simulator.listener(fault="refuse")
    server.add("reset", f"{upstream.url}/ws/reset", overrides={"breaker": {"reset_after_s": 3600}})
    server.wait_instance("reset", lambda one: one["breaker_state"] == "open")
    upstream.set_fault("none")
    answer = server.call("POST", "/reset-circuit-breaker/reset")
    assert answer.raw == b'{"status":"success","message":"Circuit breaker reset successfully"}'
    assert server.wait_open("reset")["attempts"] == 0


def test_a_reset_is_also_fine_while_the_breaker_is_closed(server: Server, steady: str) -> None:
    assert server.call("POST", "/reset-circuit-breaker/steady").status == 200


def test_a_removed_instance_is_gone_and_its_id_can_be_used_again(
    server: Server, simulator: Simulator
) -> None:
    upstream = simulator.listener()
    server.add("again", f"{upstream.url}/ws/again")
    server.wait_open("again")
    assert server.call("DELETE", "/api/v1/instances/again").status in (200, 204)
    assert server.call("GET", "/api/v1/instances/again").status == 404
    server.add("again", f"{upstream.url}/ws/again")
    server.wait_open("again")
    wait_for(lambda: upstream.instance("again").sessions_now == 1, 5, lambda: str(upstream.instance("again")))
    assert upstream.instance("again").sessions_max == 1
