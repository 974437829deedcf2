"""Messages out, timeline, crashes."""

from typing import Any

import pytest

from core import messages as m
from core.config import OutboxSettings
from core.instances import InstanceConfig, Payload
from core.records import CrashRecord, MessageState, OutboxMessage, Scope, TimelineEntry
from tests.web.conftest import World
from tests.web.fakes import done, refusal, snapshot

SEND = "/api/v1/instances/a/messages"


def submitted(world: World) -> m.SubmitMessage:
    command = world.root.commands(m.SubmitMessage)[-1]
    assert isinstance(command, m.SubmitMessage)
    return command


@pytest.mark.parametrize(
    ("payload", "content", "data"),
    [
        (Payload.JSON, {"to": "x", "n": 1}, b'{"to":"x","n":1}'),
        (Payload.JSON, None, b"null"),
        (Payload.TEXT, "hällo", "hällo".encode()),
        (Payload.BINARY, "AAEC", b"\x00\x01\x02"),
        (Payload.MSGPACK, {"a": 1}, b"\x81\xa1a\x01"),
    ],
)
def test_a_message_is_accepted_in_the_instance_s_payload(
    world: World, payload: Payload, content: Any, data: bytes
) -> None:
    world.put(snapshot("a", config=InstanceConfig(url="ws://h/", payload=payload)))
    reply = world.ask("POST", SEND, {"content": content})
    assert reply.status == 202
    assert reply.body["data"] == {"id": submitted(world).message_id, "state": "accepted"}
    assert submitted(world).data == data


def test_each_message_gets_an_id_of_its_own(world: World) -> None:
    world.put(snapshot("a"))
    ids = {world.ask("POST", SEND, {"content": 1}).body["data"]["id"] for _ in range(20)}
    assert len(ids) == 20


def test_the_client_s_id_is_kept_and_the_actor_s_facts_are_shown(world: World) -> None:
    world.put(snapshot("a"))
    world.root.hooks[m.SubmitMessage] = lambda command: done(
        command, id="other", state="sent", queued=3, accepted_at=0.5
    )
    reply = world.ask("POST", SEND, {"content": 1, "id": "order-7"})
    assert reply.body["data"] == {
        "id": "order-7",
        "state": "sent",
        "queued": 3,
        "accepted_at": "1970-01-01T00:00:00.500Z",
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("outbox_full", 429),
        ("message_conflict", 409),
        ("storage_low", 503),
        ("quarantined", 409),
        ("busy", 503),
    ],
)
def test_refused_messages(world: World, code: str, status: int) -> None:
    world.put(snapshot("a"))
    world.root.hooks[m.SubmitMessage] = lambda command: refusal(command, code, "no")
    assert world.ask("POST", SEND, {"content": 1}).status == status


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": 1, "id": "../x"}, "id"),
        ({"content": 1, "id": ""}, "id"),
        ({"content": 1, "id": 7}, "id"),
        ({"content": 1, "to": "x"}, "to"),
    ],
    ids=str,
)
def test_wrong_messages(world: World, body: dict[str, Any], field: str) -> None:
    world.put(snapshot("a"))
    reply = world.ask("POST", SEND, body)
    assert (reply.status, reply.body["details"][0]["field"]) == (422, field)
    assert not world.root.commands(m.SubmitMessage)


def test_content_must_fit_the_payload(world: World) -> None:
    world.put(snapshot("a", config=InstanceConfig(url="ws://h/", payload=Payload.TEXT)))
    reply = world.ask("POST", SEND, {"content": {"a": 1}})
    assert (reply.status, reply.body["details"][0]["field"]) == (422, "content")


def test_a_message_above_the_limit_is_413(world: World) -> None:
    world.put(snapshot("a"))
    world.settings(outbox=OutboxSettings(max_message_bytes=16))
    assert world.ask("POST", SEND, {"content": "x" * 14}).status == 202
    reply = world.ask("POST", SEND, {"content": "x" * 15})
    assert (reply.status, reply.code) == (413, "message_too_large")


def message(message_id: str, state: MessageState = MessageState.ACCEPTED, **fields: Any) -> OutboxMessage:
    return OutboxMessage(message_id, b"secret", 1700000000.0, 1700000060.0, state, **fields)


def test_messages_are_listed_newest_first_without_their_content(world: World) -> None:
    world.put(snapshot("a"))
    world.history.sent["a"] = [
        message("m1", MessageState.SENT, tries=2, finished_at=1700000002.0),
        message("m2"),
    ]
    reply = world.ask("GET", SEND)
    assert [one["id"] for one in reply.body["data"]] == ["m2", "m1"]
    assert reply.body["data"][1] == {
        "id": "m1",
        "state": "sent",
        "accepted_at": "2023-11-14T22:13:20.000Z",
        "expires_at": "2023-11-14T22:14:20.000Z",
        "finished_at": "2023-11-14T22:13:22.000Z",
        "tries": 2,
        "error": None,
        "size_bytes": 6,
    }
    assert b"secret" not in reply.raw


def test_messages_are_filtered_and_paged(world: World) -> None:
    world.put(snapshot("a"))
    world.history.sent["a"] = [message(f"m{n}") for n in range(5)] + [message("x", MessageState.FAILED)]
    first = world.ask("GET", f"{SEND}?state=accepted&limit=3").body
    assert [one["id"] for one in first["data"]] == ["m4", "m3", "m2"]
    rest = world.ask("GET", f"{SEND}?state=accepted&limit=3&after={first['page']['next']}").body
    assert [one["id"] for one in rest["data"]] == ["m1", "m0"]
    assert rest["page"] == {"next": None, "total": 5}
    assert world.ask("GET", f"{SEND}?state=lost").status == 422


def test_one_message(world: World) -> None:
    world.put(snapshot("a"))
    world.history.sent["a"] = [message("m1")]
    assert world.ask("GET", f"{SEND}/m1").body["data"]["id"] == "m1"
    for wrong in ("m2", "..", "%2e%2e", "é"):
        reply = world.ask("GET", f"{SEND}/{wrong}")
        assert (reply.status, reply.code) == (404, "message_not_found")


def test_a_token_that_may_only_send_sees_its_messages(world: World) -> None:
    world.put(snapshot("a"))
    token = world.history.add_token(Scope.SEND)
    assert world.ask("POST", SEND, {"content": 1}, token=token).status == 202
    assert world.ask("GET", SEND, token=token).status == 200
    assert world.ask("GET", "/api/v1/instances/a", token=token).status == 403


def test_timeline(world: World) -> None:
    world.put(snapshot("a"))
    world.history.entries["a"] = [
        TimelineEntry(1.0, "dialled", "dialling"),
        TimelineEntry(2.0, "failed", "waiting", "refused", 15.5, 17.5),
        TimelineEntry(3.0, "parked", "parked", "logged out", why_not="needs linking"),
    ]
    first = world.ask("GET", "/api/v1/instances/a/timeline?limit=2").body
    assert [one["event"] for one in first["data"]] == ["parked", "failed"]
    assert first["data"][1] == {
        "at": "1970-01-01T00:00:02.000Z",
        "event": "failed",
        "state": "waiting",
        "cause": "refused",
        "delay_s": 15.5,
        "next_at": "1970-01-01T00:00:17.500Z",
        "why_not": None,
    }
    rest = world.ask("GET", f"/api/v1/instances/a/timeline?limit=2&after={first['page']['next']}").body
    assert [one["event"] for one in rest["data"]] == ["dialled"]


def test_crashes(world: World) -> None:
    world.put(snapshot("a"))
    world.history.crashed["a"] = [CrashRecord("a", 5.0, 99, "signal 9", "open", "stack…", 4096)]
    body = world.ask("GET", "/api/v1/instances/a/crashes").body
    assert body["page"] == {"next": None, "total": 1}
    assert body["data"] == [
        {
            "at": "1970-01-01T00:00:05.000Z",
            "pid": 99,
            "cause": "signal 9",
            "phase": "open",
            "stack": "stack…",
            "memory_bytes": 4096,
        }
    ]


def test_crashes_are_paged(world: World) -> None:
    world.put(snapshot("a"))
    world.history.crashed["a"] = [CrashRecord("a", float(n), n, "signal 9", "open") for n in range(5)]
    first = world.ask("GET", "/api/v1/instances/a/crashes?limit=3").body
    assert ([one["pid"] for one in first["data"]], first["page"]["total"]) == ([4, 3, 2], 5)
    rest = world.ask("GET", f"/api/v1/instances/a/crashes?limit=3&after={first['page']['next']}").body
    assert ([one["pid"] for one in rest["data"]], rest["page"]["next"]) == ([1, 0], None)
    wrong = world.ask("GET", "/api/v1/instances/a/crashes?after=nonsense")
    assert (wrong.status, wrong.code) == (400, "invalid_cursor")


def test_cursors_of_one_list_do_not_fit_another(world: World) -> None:
    world.put(snapshot("a"), snapshot("b"))
    cursor = world.ask("GET", "/api/v1/instances?limit=1").body["page"]["next"]
    for path in (
        "/api/v1/instances/a/timeline",
        "/api/v1/instances/a/crashes",
        SEND,
        "/api/v1/events",
        "/api/v1/tokens",
    ):
        reply = world.ask("GET", f"{path}?after={cursor}")
        assert (reply.status, reply.code) == (400, "invalid_cursor"), path
