"""Counting what a message would become: never less than its values and keys, bounded in time, strings by length."""

import json
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import payload
from core.elements import crowded_json, crowded_msgpack, json_bytes
from core.instances import Payload
from core.payload import InvalidContent, decode

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(width=32, allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def parts(value: Any) -> int:
    """Values and keys."""
    if isinstance(value, dict):
        return 1 + sum(1 + parts(item) for item in value.values())
    if isinstance(value, list):
        return 1 + sum(map(parts, value))
    return 1


def counted_json(raw: bytes) -> int:
    return next(limit for limit in range(len(raw) + 1) if not crowded_json(raw, limit))


@given(VALUES, st.booleans())
def test_msgpack_is_counted_exactly(value: Any, single: bool) -> None:
    raw: bytes = msgpack.packb(value, use_single_float=single)
    count = parts(value)
    assert crowded_msgpack(raw, count - 1)
    assert not crowded_msgpack(raw, count)


FORMS: list[Any] = [
    *(b"x" * length for length in (1, 300, 70_000)),
    *(msgpack.ExtType(5, b"x" * length) for length in (1, 2, 4, 8, 16, 17, 300, 70_000)),
    *("x" * length for length in (31, 32, 300, 70_000)),
    *(2**15, -(2**31), -(2**40), -100, -(2**10)),
    *([1] * length for length in (20, 70_000)),
    *({str(n): n for n in range(length)} for length in (20, 70_000)),
]


@pytest.mark.parametrize("value", FORMS, ids=lambda value: type(value).__name__)
def test_every_form_of_msgpack_is_one_value(value: Any) -> None:
    raw = b"\x92" + msgpack.packb(value) + b"\x01"
    assert not crowded_msgpack(raw, 2 + parts(value))
    assert crowded_msgpack(raw + b"\xc0" * len(raw), 2 + parts(value))


@given(VALUES, st.booleans())
def test_json_counts_at_least_what_makes_containers_large(value: Any, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace")
    # Every value but the first of its container has a comma before it, every key a colon behind it.
    assert counted_json(raw) * 2 >= parts(value) - 1
    assert counted_json(raw) <= 3 * parts(value)


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        (b'"a,b,[{:"', 1),
        (rb'"\"," , 1', 2),
        (rb'"\\",1', 2),
        (b'"never ends ,,,', 1),
        (b'"ends in a backslash \\', 1),
        (rb'{"a":[1,2]}', 5),
        (b"", 0),
    ],
    ids=["string", "quote", "backslash", "open string", "open escape", "object", "nothing"],
)
def test_what_is_in_a_string_counts_once(raw: bytes, count: int) -> None:
    assert counted_json(raw) == count


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_string_is_never_longer_as_json_than_said(text: str) -> None:
    assert len(json.dumps(text)) - 2 <= json_bytes(text.encode())


MANY = payload.MAX_ELEMENTS


@pytest.mark.parametrize(
    ("kind", "most", "more"),
    [
        (Payload.JSON, b"[" + b"1," * (MANY - 1) + b"1]", b"[" + b"1," * MANY + b"1]"),
        (Payload.MSGPACK, msgpack.packb([1] * (MANY - 1)), msgpack.packb([1] * MANY)),
    ],
    ids=["json", "msgpack"],
)
def test_a_message_with_too_many_values_is_refused_in_words(kind: Payload, most: bytes, more: bytes) -> None:
    assert len(decode(kind, most, msgpack.unpackb)) <= MANY
    with pytest.raises(InvalidContent, match="more than 500000 values"):
        decode(kind, more, msgpack.unpackb)


LONG = payload.MAX_JSON_BYTES // 6


@pytest.mark.parametrize(
    ("kind", "wrap"),
    [(Payload.TEXT, str.encode), (Payload.MSGPACK, lambda text: msgpack.packb({"a": [text]}))],
    ids=["text", "msgpack"],
)
def test_a_message_that_grows_too_long_as_json_is_refused_in_words(kind: Payload, wrap: Any) -> None:
    decode(kind, wrap("\x01" * (LONG - 10)), msgpack.unpackb)
    with pytest.raises(InvalidContent, match="bytes as JSON"):
        decode(kind, wrap("\x01" * (LONG + 10)), msgpack.unpackb)
    decode(kind, wrap("x" * (LONG + 10)), msgpack.unpackb)
