"""The operators' endpoints, byte for byte."""

import json
import re

import pytest

from core.availability import Span
from core.config import HealthSettings
from core.messages import ForceRetry, ResetBreaker
from core.records import Scope
from tests.web.conftest import World
from tests.web.fakes import done, host, refusal, snapshot

HEALTH = re.compile(
    rb'\{"status":"success","message":"Server is running","data":\{"server_status":"running","total_instances":\d+,'
    rb'"active_connections":\d+,"circuit_breaker_activations":\d+,"health_score":\d+,.*\},'
    rb'"timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"\}'
)
INTEGERS = {
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
    "data_bytes",
    "disk_free_bytes",
}


def fleet(total: int, active: int, broken: int) -> list[object]:
    states = ["open"] * active + ["waiting"] * (total - active)
    return [
        snapshot(f"i{n}", link_state=state, breaker_state="open" if n >= total - broken else "closed")
        for n, state in enumerate(states)
    ]


def test_health_has_the_bytes_that_scripts_grep(world: World) -> None:
    reply = world.ask("GET", "/health", token=None)
    assert reply.status == 200
    assert HEALTH.fullmatch(reply.raw)


def test_health_counts_are_integers_and_the_rest_has_its_type(world: World) -> None:
    world.put(snapshot("a", link_state="open", run=Span(40.0, 30.0)))
    data = world.ask("GET", "/health", token=None).body["data"]
    assert all(type(data[name]) is int for name in INTEGERS)
    assert data["availability"] == 0.75
    assert data["upstreams"] == []
    assert 0 <= data["snapshot_age_s"] < 60
    assert data["cleanup_age_s"] is None


@pytest.mark.parametrize(
    ("total", "active", "broken", "score"),
    [(5, 4, 1, 85), (5, 4, 0, 92), (2, 0, 2, 70), (16, 13, 0, 93), (0, 0, 0, 100)],
)
def test_health_score(world: World, total: int, active: int, broken: int, score: int) -> None:
    world.put(*fleet(total, active, broken))
    data = world.ask("GET", "/health", token=None).body["data"]
    assert (data["total_instances"], data["active_connections"]) == (total, active)
    assert (data["circuit_breaker_activations"], data["health_score"]) == (broken, score)


def test_health_counts_only_wanted_and_linked_instances(world: World) -> None:
    world.put(
        snapshot("up", link_state="open"),
        snapshot("off", desired="disconnected", link_state="idle"),
        snapshot("new", linked=False, link_state="parked"),
    )
    data = world.ask("GET", "/health", token=None).body["data"]
    assert (data["total_instances"], data["registered_instances"], data["awaiting_link"]) == (1, 3, 1)
    assert data["health_score"] == 100


def test_upstreams_are_shown_with_their_times_as_text(world: World) -> None:
    world.root.host = host(upstreams=({"upstream": "ws://h:80 via direct", "state": "down", "since": 0.25},))
    world.put(snapshot("a"))
    assert world.ask("GET", "/health", token=None).body["data"]["upstreams"] == [
        {"upstream": "ws://h:80 via direct", "state": "down", "since": "1970-01-01T00:00:00.250Z"}
    ]


def test_health_before_any_snapshot_says_that_there_is_none() -> None:
    world = World()
    reply = world.ask("GET", "/health", token=None)
    assert reply.status == 200
    assert reply.body["data"]["snapshot_age_s"] is None


@pytest.mark.parametrize("path", ["/health", "/circuit-breaker-status/a"])
def test_private_health_needs_a_token(world: World, path: str) -> None:
    world.put(snapshot("a"))
    world.settings(health=HealthSettings(public=False))
    assert world.ask("GET", path, token=None).status == 401
    assert world.ask("GET", path, token=world.history.add_token(Scope.READ)).status == 200
    assert world.ask("GET", path, token=world.history.add_token(Scope.SEND)).status == 403


def test_private_health_counts_the_token_s_instances_only(world: World) -> None:
    world.put(snapshot("a"), snapshot("b"))
    world.settings(health=HealthSettings(public=False))
    token = world.history.add_token(Scope.READ, instances=["a"])
    assert world.ask("GET", "/health", token=token).body["data"]["registered_instances"] == 1
    assert world.ask("GET", "/circuit-breaker-status/b", token=token).status == 404


def test_breaker_status_has_the_exact_first_keys_and_types(world: World) -> None:
    world.put(snapshot("a", attempts=3, recent_failures=2, failure_times=(1700000000.1234, 1700000001.0)))
    reply = world.ask("GET", "/circuit-breaker-status/a", token=None)
    assert reply.raw.startswith(
        b'{"status":"success","data":{"instance_id":"a","retry_attempts":3,"recent_failures":2,'
        b'"circuit_breaker_active":false,"session_exists":false,"connecting":false,'
    )
    data = reply.body["data"]
    assert data["last_failure_timestamps"] == [1700000000123, 1700000001000]
    assert (data["reason"], data["next_step"], data["next_retry_in_s"]) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "active", "exists", "connecting"),
    [
        ({"link_state": "open"}, False, True, False),
        ({"link_state": "dialling"}, False, False, True),
        ({"link_state": "authenticating", "breaker_state": "half_open"}, True, False, True),
        ({"link_state": "idle", "breaker_state": "open"}, True, False, False),
    ],
)
def test_breaker_status_follows_link_and_breaker(
    world: World, fields: dict[str, str], active: bool, exists: bool, connecting: bool
) -> None:
    world.put(snapshot("a", **fields))
    data = world.ask("GET", "/circuit-breaker-status/a", token=None).body["data"]
    found = (data["circuit_breaker_active"], data["session_exists"], data["connecting"])
    assert found == (active, exists, connecting)


def test_breaker_status_of_an_unknown_instance_is_404(world: World) -> None:
    reply = world.ask("GET", "/circuit-breaker-status/XXX", token=None)
    assert reply.status == 404
    assert reply.raw == (
        b'{"status":"error","code":"instance_not_found","message":"Instance XXX not found","details":[]}'
    )


def test_breaker_status_before_any_snapshot_is_503() -> None:
    assert World().ask("GET", "/circuit-breaker-status/a", token=None).code == "not_ready"


def test_reset_answers_the_exact_bytes(world: World) -> None:
    world.put(snapshot("a"))
    reply = world.ask("POST", "/reset-circuit-breaker/a")
    assert reply.raw == b'{"status":"success","message":"Circuit breaker reset successfully"}'
    assert len(world.root.commands(ResetBreaker)) == 1


@pytest.mark.parametrize("path", ["/force-retry/XXX", "/reset-circuit-breaker/XXX"])
def test_commands_to_an_unknown_instance_are_404(world: World, path: str) -> None:
    reply = world.ask("POST", path)
    assert (reply.status, reply.body["message"]) == (404, "Instance XXX not found")


@pytest.mark.parametrize(
    "body", [b"", b"x=1", b"{", b"\xff\x00", b'{"a":1}'], ids=["none", "form", "half", "bytes", "fields"]
)
def test_legacy_commands_take_any_body(world: World, body: bytes) -> None:
    world.put(snapshot("a"))
    assert world.ask("POST", "/force-retry/a", body).status == 200
    assert world.ask("POST", "/reset-circuit-breaker/a", body).status == 200


def test_an_answer_of_an_unknown_code_is_a_500_not_a_crash(world: World) -> None:
    world.root.hooks[ResetBreaker] = lambda command: refusal(command, "surprise", "what?")
    reply = world.ask("POST", "/reset-circuit-breaker/a")
    assert (reply.status, reply.code) == (500, "internal")


def test_the_modern_paths_answer_the_same(world: World) -> None:
    world.put(snapshot("a"))
    for name in ("force-retry", "reset-circuit-breaker"):
        assert world.ask("POST", f"/api/v1/instances/a/{name}").raw == world.ask("POST", f"/{name}/a").raw


def test_an_extra_fact_of_the_actor_does_not_change_a_success(world: World) -> None:
    world.root.hooks[ForceRetry] = lambda command: done(command, attempt=7)
    assert json.loads(world.ask("POST", "/force-retry/a").raw)["data"] == {
        "success": True,
        "session_created": True,
    }
