"""What is PlainProtocol's own: hello, login, ping, acknowledgements, undecodable messages."""

import base64
from dataclasses import replace
from typing import Any

import msgpack
import pytest

from core.effects import Authenticated, Disconnected, Emit, Reply, Send, WakeAt
from core.failures import Failure, FailureKind
from core.instances import InstanceConfig, LoginConfig, Payload, PingConfig
from core.plain import PlainProtocol, matches
from core.protocol import Endpoint, SendContent
from tests.core.protocol_host import Frame

SECRET = "h3ll0-s3cr3t"
BASIC = InstanceConfig(url="wss://user:pw@example.org/feed?key=1", headers={"X-Token": SECRET})


def protocol(config: InstanceConfig = BASIC) -> PlainProtocol:
    return PlainProtocol(config, msgpack.packb, msgpack.unpackb, 20.0)


def test_the_endpoint_is_the_configuration() -> None:
    config = replace(BASIC, subprotocols=("v2",), proxy="http://p:1", ca_file="/ca.pem")
    assert protocol(config).endpoint() == Endpoint(
        config.url, (("X-Token", SECRET),), ("v2",), "http://p:1", "/ca.pem", 20.0
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://user:pw@example.org:8443/feed?key=1", "example.org:8443"),
        ("ws://example.org?key=1", "example.org"),
        ("WS://[::1]:80/", "[::1]:80"),
        ("ws://user:pw/x@host/", "?"),
        ("user:pw@host", "?"),
        ("", "?"),
    ],
)
def test_an_endpoint_shows_its_host_and_nothing_else(url: str, shown: str) -> None:
    assert repr(Endpoint(url, (("X-Token", SECRET),), proxy="http://u:pw@p:1")) == f"Endpoint(host={shown!r})"


def test_without_a_login_the_session_is_up_when_the_socket_opens() -> None:
    config = replace(BASIC, hello=({"a": 1}, "b"))
    assert protocol(config).on_open(0.0) == [Send(b'{"a":1}', True), Send(b'"b"', True), Authenticated()]


LOGIN = replace(BASIC, login=LoginConfig({"ok": True, "user": "me"}, {"ok": False}))


def test_the_login_is_accepted_by_the_message_that_matches() -> None:
    session = protocol(LOGIN)
    assert session.on_open(0.0) == []
    assert session.on_message('{"ok":true}', 0.0) == [Emit("message.received", {"content": {"ok": True}})]
    assert session.on_message('{"ok":true,"user":"me","more":1}', 0.0) == [Authenticated()]
    # The same message later is an ordinary one.
    assert [type(effect) for effect in session.on_message('{"ok":true,"user":"me"}', 0.0)] == [Emit]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rejected_login_parks(when: str) -> None:
    session = protocol(LOGIN)
    session.on_open(0.0)
    if when == "after":
        session.on_message('{"ok":true,"user":"me"}', 0.0)
    assert session.on_message('{"ok":false}', 0.0) == [
        Disconnected(Failure(FailureKind.LOGGED_OUT, "the upstream rejected the login", again=True))
    ]


def test_a_login_without_a_rejection_only_waits() -> None:
    session = protocol(replace(BASIC, login=LoginConfig({"ok": True})))
    session.on_open(0.0)
    assert [type(effect) for effect in session.on_message('{"ok":false}', 0.0)] == [Emit]


@pytest.mark.parametrize(
    ("pattern", "content", "expected"),
    [
        ({"ok": True}, {"ok": True, "x": 1}, True),
        ({"ok": True}, {"ok": 1}, False),
        ({"code": 1}, {"code": True}, False),
        ({"code": 1}, {"code": 1.0}, True),
        ({"a": None}, {}, False),
        ({"a": None}, {"a": None}, True),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, True),
        ({"text": "welcome"}, "welcome", True),
        ({"text": "welcome"}, "welcome back", False),
        ({"a": 1}, [1], False),
        ({}, "anything", True),
    ],
)
def test_a_message_matches_when_every_key_has_its_value(pattern: Any, content: Any, expected: bool) -> None:
    assert matches(pattern, content) is expected


@pytest.mark.parametrize(
    "config",
    [replace(BASIC, hello=(float("nan"),)), replace(BASIC, payload=Payload.TEXT, ping=PingConfig({"op": 1}))],
    ids=["hello", "ping"],
)
def test_a_hello_or_ping_that_cannot_be_sent_parks_as_config(config: InstanceConfig) -> None:
    (effect,) = protocol(config).on_open(0.0)
    assert isinstance(effect, Disconnected)
    assert effect.failure.kind is FailureKind.CONFIG
    assert effect.failure.text.startswith("hello or ping message: content must be ")


PING = replace(BASIC, ping=PingConfig({"op": "ping"}, interval_s=30.0, timeout_s=10.0))
PING_MESSAGE = Send(b'{"op":"ping"}', True)


def test_a_ping_leaves_at_every_interval_and_any_message_answers_it() -> None:
    session = protocol(PING)
    assert session.on_open(0.0)[-1] == WakeAt("ping", 30.0)
    assert session.on_timer("ping", 30.0) == [PING_MESSAGE, WakeAt("ping", 60.0), WakeAt("pong", 40.0)]
    session.on_message('"anything"', 35.0)
    assert session.on_timer("pong", 40.0) == []


def test_an_unanswered_ping_is_a_timeout() -> None:
    session = protocol(PING)
    session.on_open(0.0)
    session.on_message('"before the ping"', 29.0)
    session.on_timer("ping", 30.0)
    assert session.on_timer("pong", 40.0) == [
        Disconnected(Failure(FailureKind.TIMEOUT, "application ping was not answered"))
    ]


def test_a_timeout_longer_than_the_interval_still_comes() -> None:
    session = protocol(replace(BASIC, ping=PingConfig("ping", interval_s=5.0, timeout_s=12.0)))
    session.on_open(0.0)
    assert WakeAt("pong", 17.0) in session.on_timer("ping", 5.0)
    assert session.on_timer("ping", 10.0) == [Send(b'"ping"', True), WakeAt("ping", 15.0)]
    assert session.on_timer("ping", 15.0) == [Send(b'"ping"', True), WakeAt("ping", 20.0)]
    assert [type(effect) for effect in session.on_timer("pong", 17.0)] == [Disconnected]


def test_a_ping_of_the_connection_before_condemns_nobody() -> None:
    session = protocol(PING)
    session.on_open(0.0)
    session.on_timer("ping", 30.0)
    session.on_closed(1006, "gone")
    session.on_open(35.0)
    assert session.on_timer("pong", 40.0) == []


def test_a_ping_without_a_timeout_only_leaves() -> None:
    session = protocol(replace(BASIC, ping=PingConfig("ping")))
    session.on_open(0.0)
    assert session.on_timer("ping", 30.0) == [Send(b'"ping"', True), WakeAt("ping", 60.0)]


@pytest.mark.parametrize(
    ("message", "effects"),
    [
        (
            '{"id":7,"x":1}',
            [Emit("message.received", {"content": {"id": 7, "x": 1}}), Send(b'{"ack":7}', True)],
        ),
        ('{"id":null}', [Emit("message.received", {"content": {"id": None}}), Send(b'{"ack":null}', True)]),
        ('{"x":1}', [Emit("message.received", {"content": {"x": 1}})]),
        ('["id"]', [Emit("message.received", {"content": ["id"]})]),
    ],
    ids=["with the field", "null", "without", "no object"],
)
def test_a_message_with_the_field_is_acknowledged_after_its_event(message: str, effects: list[Any]) -> None:
    session = protocol(replace(BASIC, ack_field="id"))
    session.on_open(0.0)
    assert session.on_message(message, 0.0) == effects


@pytest.mark.parametrize("message", ["{", "[" * 100_000, b"\xff\xfe"], ids=["cut", "bomb", "bytes"])
def test_what_cannot_be_decoded_arrives_as_raw_bytes_with_the_reason(message: Frame) -> None:
    (effect,) = protocol().on_message(message, 0.0)
    assert isinstance(effect, Emit)
    raw = message.encode() if isinstance(message, str) else message
    assert effect.kind == "message.undecodable"
    assert base64.b64decode(effect.data["content_base64"]) == raw
    assert effect.data["error"].startswith("message is")


@pytest.mark.parametrize(
    ("payload", "text"), [(Payload.JSON, True), (Payload.MSGPACK, False)], ids=["json", "msgpack"]
)
def test_a_send_carries_the_stored_bytes_in_the_right_frame(payload: Payload, text: bool) -> None:
    session = protocol(replace(BASIC, payload=payload))
    session.on_open(0.0)
    assert session.on_command(SendContent("m1", b"stored"), 0.0) == [Send(b"stored", text), Reply("m1")]


def test_a_send_before_the_login_is_to_be_tried_again() -> None:
    session = protocol(LOGIN)
    session.on_open(0.0)
    assert session.on_command(SendContent("m1", b"x"), 0.0) == [
        Reply("m1", "the session is not open", retry=True)
    ]
