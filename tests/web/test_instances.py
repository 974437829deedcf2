"""/api/v1/instances: make, show, remove, act; shapes and errors."""

import re

import pytest

from core import messages as m
from core.availability import Span
from core.config import HttpSettings
from core.instances import InstanceConfig, LinkKind, LoginConfig, Payload, PingConfig
from tests.web.conftest import World
from tests.web.fakes import refusal, snapshot

BODY = {"id": "toko1", "link": "websocket", "url": "ws://upstream.test/ws"}
KEYS = [
    "id",
    "link",
    "desired",
    "link_state",
    "breaker_state",
    "reason",
    "next_step",
    "since",
    "attempts",
    "recent_failures",
    "next_retry_in_s",
    "pid",
    "host",
    "restarts",
    "availability",
    "last_frame_age_s",
    "config",
    "availability_24h",
    "availability_30d",
    "outage_s",
    "outage_24h_s",
    "outage_30d_s",
]
FULL = {
    "headers": {"Authorization": "Bearer upstream-secret"},
    "subprotocols": ["chat.v1"],
    "proxy": "http://user:proxy-secret@proxy.test:3128",
    "ca_file": "/etc/ssl/own.pem",
    "payload": "json",
    "hello": [{"login": "hello-secret"}],
    "ping": {"message": {"ping": 1}, "interval_s": 10, "timeout_s": 5},
    "login": {"accept": {"type": "ok"}, "reject": {"type": "no"}},
    "ack_field": "id",
    "overrides": {"retry": {"jitter": 0, "delay_s": 2.5}, "breaker": {"failure_threshold": 3}},
}


def test_create_answers_201_with_the_instance_and_its_place(world: World) -> None:
    reply = world.ask("POST", "/api/v1/instances", BODY)
    assert reply.status == 201
    assert reply.headers["Location"] == "/api/v1/instances/toko1"
    assert list(reply.body["data"]) == KEYS
    command = world.root.commands(m.CreateInstance)[0]
    assert command.config == InstanceConfig(url="ws://upstream.test/ws")
    assert command.desired.value == "connected"


def test_create_hands_every_field_on(world: World) -> None:
    assert world.ask("POST", "/api/v1/instances", BODY | FULL | {"desired": "disconnected"}).status == 201
    command = world.root.commands(m.CreateInstance)[0]
    assert command.desired.value == "disconnected"
    assert command.config == InstanceConfig(
        link=LinkKind.WEBSOCKET,
        url="ws://upstream.test/ws",
        headers={"Authorization": "Bearer upstream-secret"},
        subprotocols=("chat.v1",),
        proxy="http://user:proxy-secret@proxy.test:3128",
        ca_file="/etc/ssl/own.pem",
        payload=Payload.JSON,
        hello=({"login": "hello-secret"},),
        ping=PingConfig({"ping": 1}, 10, 5),
        login=LoginConfig({"type": "ok"}, {"type": "no"}),
        ack_field="id",
        overrides={"retry": {"jitter": 0, "delay_s": 2.5}, "breaker": {"failure_threshold": 3}},
    )


def test_what_was_made_is_there_at_once(world: World) -> None:
    for number in range(20):
        world.ask("POST", "/api/v1/instances", BODY | {"id": f"i{number}"})
        assert world.ask("GET", f"/api/v1/instances/i{number}").status == 200


def test_no_answer_shows_a_secret(world: World) -> None:
    replies = [
        world.ask("POST", "/api/v1/instances", BODY | FULL | {"url": "ws://h/?k=query-secret"}),
        world.ask("GET", "/api/v1/instances"),
        world.ask("GET", "/api/v1/instances/toko1"),
        world.ask("PATCH", "/api/v1/instances/toko1", {"ack_field": None}),
    ]
    for reply in replies:
        assert reply.status in (200, 201)
        assert b"secret" not in reply.raw


def test_the_shape_of_an_instance(world: World) -> None:
    now_s = world.site.clock()
    one = snapshot(
        "a",
        link_state="waiting",
        breaker_state="closed",
        reason="refused",
        since=1700000000.25,
        attempts=2,
        recent_failures=2,
        next_retry_at=now_s + 30,
        last_frame_at=now_s - 60,
        pid=77,
        host="box",
        restarts=1,
        run=Span(3.0, 1.0, 0.5),
        day=Span(9.0, 3.0, 1.5),
        month=Span(12.0, 3.0, 2.5),
    )
    world.put(one)
    data = world.ask("GET", "/api/v1/instances/a").body["data"]
    assert list(data) == KEYS
    assert data["since"] == "2023-11-14T22:13:20.250Z"
    assert 20 < data["next_retry_in_s"] <= 30
    assert 60 <= data["last_frame_age_s"] < 120
    assert data["availability"] == data["availability_24h"] == 0.333333
    assert [data[key] for key in KEYS[-4:]] == [0.25, 0.5, 1.5, 2.5]
    plain = {name: data[name] for name in ("link_state", "reason", "attempts", "pid", "host", "restarts")}
    assert plain == {
        "link_state": "waiting",
        "reason": "refused",
        "attempts": 2,
        "pid": 77,
        "host": "box",
        "restarts": 1,
    }


def test_an_unknown_instance_is_404(world: World) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("PATCH", "", {}),
        ("POST", "/connect", None),
        ("POST", "/restart", None),
        ("POST", "/messages", {"content": 1}),
        ("GET", "/messages", None),
        ("GET", "/timeline", None),
        ("GET", "/crashes", None),
        ("GET", "/events", None),
    ):
        reply = world.ask(method, f"/api/v1/instances/XXX{path}", body)
        assert (reply.status, reply.code, reply.body["message"]) == (
            404,
            "instance_not_found",
            "Instance XXX not found",
        ), (method, path)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("instance_exists", 409),
        ("limit_reached", 409),
        ("storage_low", 503),
        ("storage_failed", 503),
        ("busy", 503),
        ("invalid", 422),
        ("outbox_full", 429),
        ("message_conflict", 409),
        ("message_too_large", 413),
    ],
)
def test_refusals_of_the_actors_keep_their_code(world: World, code: str, status: int) -> None:
    world.root.hooks[m.CreateInstance] = lambda command: refusal(command, code, "because")
    reply = world.ask("POST", "/api/v1/instances", BODY)
    assert (reply.status, reply.code, reply.body["message"]) == (status, code, "because")


def test_a_second_one_of_the_same_id_is_409(world: World) -> None:
    world.ask("POST", "/api/v1/instances", BODY)
    assert world.ask("POST", "/api/v1/instances", BODY).code == "instance_exists"


def test_no_answer_is_503(world: World) -> None:
    world.settings(http=HttpSettings(command_timeout_s=0.1))
    world.root.hooks[m.CreateInstance] = lambda _command: None
    assert world.ask("POST", "/api/v1/instances", BODY).code == "timeout"


def test_without_actors_reads_answer_and_commands_are_503(world: World) -> None:
    world.put(snapshot("a"))
    world.site.bridge.close()
    assert world.ask("GET", "/api/v1/instances/a").status == 200
    assert world.ask("POST", "/api/v1/instances", BODY).code == "unavailable"


def test_before_the_first_snapshot_reads_are_503() -> None:
    world = World()
    for path in ("/api/v1/instances", "/api/v1/instances/a"):
        assert world.ask("GET", path).code == "not_ready"


def test_remove(world: World) -> None:
    world.put(snapshot("a"))
    reply = world.ask("DELETE", "/api/v1/instances/a")
    assert (reply.status, reply.body["data"]) == (200, {"id": "a", "removed": True})
    assert world.ask("GET", "/api/v1/instances/a").status == 404


def test_connect_and_disconnect(world: World) -> None:
    world.put(snapshot("a"))
    for verb in ("disconnect", "disconnect", "connect"):
        reply = world.ask("POST", f"/api/v1/instances/a/{verb}")
        assert (reply.status, reply.body["data"]["desired"]) == (200, f"{verb}ed")
    assert world.ask("GET", "/api/v1/instances/a").body["data"]["desired"] == "connected"


def test_restart(world: World) -> None:
    world.put(snapshot("a"))
    assert world.ask("POST", "/api/v1/instances/a/restart").body["data"]["id"] == "a"
    assert [one.instance_id for one in world.root.commands(m.RestartInstance)] == ["a"]


@pytest.mark.parametrize("verb", ["connect", "disconnect", "restart", "force-retry", "reset-circuit-breaker"])
def test_actions_take_no_fields(world: World, verb: str) -> None:
    world.put(snapshot("a"))
    path = f"/api/v1/instances/a/{verb}"
    assert world.ask("POST", path, b"").status == 200
    assert world.ask("POST", path, b" \n").status == 200
    assert world.ask("POST", path, b"{}").status == 200
    assert world.ask("POST", path, {"force": True}).status == 422
    assert world.ask("POST", path, b"force=1").status == 400


def test_the_message_of_an_error_is_one_line_of_json(world: World) -> None:
    reply = world.ask("GET", "/api/v1/instances/a%0d%0aSet-Cookie:x")
    assert re.fullmatch(
        rb'\{"status":"error","code":"[a-z_]+","message":"[^\r\n]*","details":\[\]\}', reply.raw
    )
