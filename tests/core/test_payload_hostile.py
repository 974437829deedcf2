"""What arrives: hostile bytes are refused in words, everything else is made plain for stores and clients."""

import json
import math
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.instances import Payload
from core.payload import MAX_DEPTH, InvalidContent, decode, encode, to_bytes

P = Payload


def pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=False)


def bomb(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


HOSTILE_JSON = {
    "empty": b"",
    "cut": b'{"a":',
    "two values": b"1 2",
    "nan": b"NaN",
    "infinity": b'{"a":-Infinity}',
    "a number beyond floats": b"[1e999]",
    "a number of 5000 digits": b"1" * 5000,
    "depth bomb": b"[" * 200_000,
    "closed depth bomb": b"[" * 100_000 + b"]" * 100_000,
    "object bomb": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "not utf-8": b'"\xff"',
    "one level too deep": json.dumps(bomb(MAX_DEPTH + 1)).encode(),
    "one object too deep": b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
}


@pytest.mark.parametrize("raw", HOSTILE_JSON.values(), ids=HOSTILE_JSON.keys())
def test_hostile_json_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(InvalidContent, match="message is"):
        decode(P.JSON, raw, unpack)


HOSTILE_MSGPACK = {
    "empty": b"",
    "cut": b"\x92\x01",
    "two values": b"\x01\x02",
    "reserved byte": b"\xc1",
    "a length beyond the data": b"\xdd\xff\xff\xff\xff",
    "depth bomb": b"\x91" * 100_000 + b"\x01",
    "one level too deep": pack(bomb(MAX_DEPTH + 1)),
    "unhashable key": b"\x81\x90\x01",
    "keys that collide as text": pack({1: "a", "1": "b"}),
}


@pytest.mark.parametrize("raw", HOSTILE_MSGPACK.values(), ids=HOSTILE_MSGPACK.keys())
def test_hostile_msgpack_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(InvalidContent, match=r"message (is|has)"):
        decode(P.MSGPACK, raw, unpack)


@pytest.mark.parametrize("payload", [P.JSON, P.MSGPACK], ids=lambda payload: payload.value)
def test_the_deepest_message_allowed_arrives(payload: Payload) -> None:
    raw = encode(payload, bomb(MAX_DEPTH), pack)
    assert decode(payload, raw, unpack) == bomb(MAX_DEPTH)


PLAIN = {
    "bytes": (pack({"a": b"\x00\xff"}), {"a": "AP8="}),
    "keys": (pack({1: 2, None: 3, b"\xff": 4}), {"1": 2, "None": 3, "/w==": 4}),
    "not a number": (pack([math.nan, math.inf]), ["nan", "inf"]),
    "timestamp": (pack(msgpack.Timestamp(0)), "Timestamp(seconds=0, nanoseconds=0)"),
    "extension": (pack(msgpack.ExtType(5, b"x")), [5, "eA=="]),
    "largest integers": (pack([(1 << 64) - 1, -(1 << 63)]), [(1 << 64) - 1, -(1 << 63)]),
}


@pytest.mark.parametrize(("raw", "content"), PLAIN.values(), ids=PLAIN.keys())
def test_what_json_lacks_is_made_plain(raw: bytes, content: Any) -> None:
    assert decode(P.MSGPACK, raw, unpack) == content


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (b'"\\ud800"', "\ufffd"),
        (b'{"\\udfff": "a\\ud800b"}', {"\ufffd": "a\ufffdb"}),
        (b'"\\ud83d\\ude00"', "😀"),
        (b"18446744073709551616", "18446744073709551616"),
        (b"-9223372036854775809", "-9223372036854775809"),
        (b"18446744073709551615", 18446744073709551615),
        (b"1.5e3", 1500.0),
        (b"\xef\xbb\xbf[]", []),
    ],
    ids=[
        "surrogate",
        "in key and value",
        "pair",
        "too large",
        "too small",
        "largest",
        "float",
        "byte order mark",
    ],
)
def test_json_that_stores_cannot_hold_is_made_plain(raw: bytes, content: Any) -> None:
    assert decode(P.JSON, raw, unpack) == content


def test_a_text_payload_takes_whatever_bytes_come() -> None:
    assert decode(P.TEXT, b"a\xffb", unpack) == "a\ufffdb"
    assert to_bytes("a\ud800") == b"a?"


@pytest.mark.parametrize("payload", P, ids=lambda payload: payload.value)
@given(raw=st.binary(max_size=200) | st.text(alphabet=st.characters(), max_size=200))
def test_whatever_arrives_is_storable_or_refused(payload: Payload, raw: bytes | str) -> None:
    try:
        content = decode(payload, raw, unpack)
    except InvalidContent:
        return
    json.dumps(content, allow_nan=False).encode()
    json.dumps(content, allow_nan=False, ensure_ascii=False).encode()
    pack(content)


@settings(max_examples=40, deadline=None)
@given(
    content=st.recursive(
        st.none() | st.floats() | st.text(alphabet=st.characters()) | st.binary() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    )
)
def test_whatever_a_msgpack_peer_sends_is_storable_or_refused(content: Any) -> None:
    try:
        raw = msgpack.packb(content, unicode_errors="surrogatepass")
    except (OverflowError, ValueError):
        return
    try:
        plain = decode(
            P.MSGPACK,
            raw,
            lambda data: msgpack.unpackb(data, strict_map_key=False, unicode_errors="surrogatepass"),
        )
    except InvalidContent:
        return
    json.dumps(plain, allow_nan=False, ensure_ascii=False).encode()
    pack(plain)
