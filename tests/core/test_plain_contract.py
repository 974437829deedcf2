"""PlainProtocol passes the contract of every protocol, with each payload."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgpack

from core.effects import Send
from core.instances import InstanceConfig, LoginConfig, Payload, PingConfig
from core.plain import PlainProtocol
from tests.core.protocol_contract import ProtocolContract
from tests.core.protocol_host import Frame, Peer, Subject

SECRET = "h3ll0-s3cr3t"
BASIC = InstanceConfig(url="wss://user:pw@example.org/feed?key=1", headers={"X-Token": SECRET})


def protocol(config: InstanceConfig = BASIC) -> PlainProtocol:
    return PlainProtocol(config, msgpack.packb, msgpack.unpackb, 20.0)


class PlainPeer(Peer):
    """Speaks one payload; with `login` it answers the hello, and it answers pings."""

    def __init__(
        self, speak: Callable[[Any], Frame], understand: Callable[[bytes], Any], login: bool = False
    ) -> None:
        super().__init__()
        self._speak = speak
        self._understand = understand
        self._login = login

    def hears(self, sent: Send) -> list[Frame]:
        content = self._understand(sent.data)
        if isinstance(content, dict) and "hello" in content:
            return [self._speak({"ok": True})] if self._login else []
        if isinstance(content, dict) and "ping" in content:
            return [self._speak({"pong": content["ping"]})]
        if isinstance(content, dict) and "ack" in content:
            return []
        self.heard.append(sent.data)
        return []

    def says(self, number: int) -> Frame:
        return self._speak({"id": number})


def pack(content: Any) -> bytes:
    packed: bytes = msgpack.packb(content)
    return packed


class TestJsonWithEverything(ProtocolContract):
    def subject(self) -> Subject:
        config = replace(
            BASIC,
            hello=({"hello": SECRET},),
            login=LoginConfig({"ok": True}, {"ok": False}),
            ping=PingConfig({"ping": 1}, 20.0, 5.0),
            ack_field="id",
        )
        return Subject(
            protocol(config),
            PlainPeer(json.dumps, json.loads, login=True),
            lambda n: b'{"n":%d}' % n,
            lambda emit: emit.data["content"].get("id", -1),
            (SECRET, "user:pw", "key=1"),
        )

    def test_answered_pings_are_events_like_any_other_message(self) -> None:
        host = self.up(late=True)
        host.pass_time(60)
        assert [emit.data["content"] for emit in host.emitted] == [{"pong": 1}] * 3


class TestMsgpack(ProtocolContract):
    def subject(self) -> Subject:
        config = replace(BASIC, payload=Payload.MSGPACK, ping=PingConfig({"ping": 1}, 20.0), ack_field="id")
        return Subject(
            protocol(config),
            PlainPeer(pack, msgpack.unpackb),
            lambda n: pack({"n": n}),
            lambda emit: emit.data["content"].get("id", -1),
        )


class TestText(ProtocolContract):
    def subject(self) -> Subject:
        config = replace(BASIC, payload=Payload.TEXT)
        peer = PlainPeer(lambda content: str(content["id"]), lambda data: data)
        return Subject(
            protocol(config), peer, lambda n: b"text %d" % n, lambda emit: int(emit.data["content"])
        )


class TestBinary(ProtocolContract):
    def subject(self) -> Subject:
        config = replace(BASIC, payload=Payload.BINARY)
        peer = PlainPeer(lambda content: bytes([content["id"]]), lambda data: data)
        return Subject(
            protocol(config),
            peer,
            lambda n: bytes([0xFF, n]),
            lambda emit: base64.b64decode(emit.data["content"])[0],
        )
