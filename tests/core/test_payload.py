"""Payloads: what may be sent, and the round trip."""

import base64
import math
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.instances import Payload
from core.payload import InvalidContent, decode, encode, is_text

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
