"""The protocol that a configuration asks for, with the codecs that it gets in life."""

from typing import Any

import msgpack
import pytest

from actors.local_session import make_protocol
from core.config import Settings
from core.effects import Emit
from core.instances import InstanceConfig, Payload
from core.protocol import Protocol


@pytest.fixture
def packed() -> Protocol:
    protocol = make_protocol(InstanceConfig(url="ws://h/", payload=Payload.MSGPACK), Settings())
    protocol.on_open(0.0)
    return protocol


@pytest.mark.parametrize(
    ("sent", "content"),
    [
        ({"n": 1, "b": b"\x00\xff"}, {"n": 1, "b": "AP8="}),
        (msgpack.ExtType(5, b"x"), [5, "eA=="]),
        ({"at": msgpack.ExtType(127, b"")}, {"at": [127, ""]}),
        ({"at": msgpack.Timestamp(1, 2)}, {"at": "Timestamp(seconds=1, nanoseconds=2)"}),
        ({1: [None, 2**64 - 1]}, {"1": [None, 2**64 - 1]}),
    ],
    ids=["plain", "extension", "nested extension", "timestamp", "number as key"],
)
def test_what_upstreams_pack_arrives_as_content(packed: Protocol, sent: Any, content: Any) -> None:
    effects = packed.on_message(msgpack.packb(sent), 1.0)
    assert effects == [Emit("message.received", {"content": content})]


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xc1", msgpack.packb(1) + b"x", b"\xdd\xff\xff\xff\xff", b"\xd4\xff\x00", b"\xa2\xff\xff"],
    ids=["nothing", "unused byte", "more than one", "a length without data", "broken timestamp", "no UTF-8"],
)
def test_what_is_no_msgpack_is_kept_as_it_came(packed: Protocol, raw: bytes) -> None:
    [effect] = packed.on_message(raw, 1.0)
    assert isinstance(effect, Emit) and effect.kind == "message.undecodable"
