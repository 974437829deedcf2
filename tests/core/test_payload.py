"""Payloads: what may be sent, what arrives, and what hostile bytes become."""

import base64
import json
import math
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.instances import Payload
from core.payload import MAX_DEPTH, InvalidContent, decode, encode, is_text, to_bytes

P = Payload


def pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, strict_map_key=False)


unicode_text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    unicode_text,
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(unicode_text, inner, max_size=4)
)


@pytest.mark.parametrize("payload", [P.JSON, P.MSGPACK], ids=lambda payload: payload.value)
@given(content=json_values)
def test_any_json_value_survives_the_round_trip(payload: Payload, content: Any) -> None:
    assert decode(payload, encode(payload, content, pack), unpack) == content


@given(unicode_text)
def test_any_text_survives_the_round_trip(content: str) -> None:
    assert decode(P.TEXT, encode(P.TEXT, content, pack), unpack) == content
    assert decode(P.TEXT, content, unpack) == content


@given(st.binary())
def test_any_bytes_survive_the_round_trip_as_base64(content: bytes) -> None:
    given_ = base64.b64encode(content).decode()
    assert encode(P.BINARY, given_, pack) == content
    assert decode(P.BINARY, content, unpack) == given_


@pytest.mark.parametrize(
    ("payload", "text"), [(P.TEXT, True), (P.JSON, True), (P.MSGPACK, False), (P.BINARY, False)]
)
def test_text_and_json_travel_in_text_frames(payload: Payload, text: bool) -> None:
    assert is_text(payload) is text


def test_json_is_compact_and_utf8() -> None:
    assert encode(P.JSON, {"a": [1, "é"]}, pack) == '{"a":[1,"é"]}'.encode()


def bomb(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


CIRCULAR: list[Any] = []
CIRCULAR.append(CIRCULAR)


@pytest.mark.parametrize("payload", [P.JSON, P.MSGPACK], ids=lambda payload: payload.value)
@pytest.mark.parametrize(
    "content",
    [
        math.nan,
        math.inf,
        -math.inf,
        {"a": [math.nan]},
        {1, 2},
        b"bytes",
        object(),
        bomb(100_000),
        CIRCULAR,
        10**5000,
    ],
    ids=[
        "nan",
        "inf",
        "-inf",
        "nested nan",
        "set",
        "bytes",
        "object",
        "too deep",
        "circular",
        "too long a number",
    ],
)
def test_what_is_no_json_value_is_refused(payload: Payload, content: Any) -> None:
    with pytest.raises(InvalidContent, match="content must be a JSON value"):
        encode(payload, content, pack)


@pytest.mark.parametrize("payload", [P.TEXT, P.JSON, P.MSGPACK], ids=lambda payload: payload.value)
def test_a_lone_surrogate_cannot_be_sent(payload: Payload) -> None:
    with pytest.raises(InvalidContent, match="lone surrogate"):
        encode(payload, "a\ud800", pack)


@pytest.mark.parametrize("content", [1 << 64, -(1 << 63) - 1], ids=["too large", "too small"])
def test_what_msgpack_cannot_carry_is_refused(content: Any) -> None:
    with pytest.raises(InvalidContent, match="cannot be packed as msgpack"):
        encode(P.MSGPACK, content, pack)


@pytest.mark.parametrize("content", [None, 1, ["a"], {"a": 1}, b"a"], ids=repr)
def test_a_text_payload_takes_only_strings(content: Any) -> None:
    with pytest.raises(InvalidContent, match="content must be a string"):
        encode(P.TEXT, content, pack)


@pytest.mark.parametrize("content", [None, 1, "é", "a", "YQ", "YQ==\n", "Y Q=="], ids=repr)
def test_a_binary_payload_takes_only_base64(content: Any) -> None:
    with pytest.raises(InvalidContent, match="content must be a base64 string"):
        encode(P.BINARY, content, pack)


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
