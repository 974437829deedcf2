"""Values to bytes and back, and checksums that notice every flipped bit."""

import contextlib
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import Undecodable, Unstorable, checksum, from_json, packb, to_json, unpackb

INT64 = st.integers(-(2**63), 2**64 - 1)
TEXT = st.text(st.characters())
PLAIN = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats(allow_nan=False) | TEXT | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
JSONABLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
FIELDS = st.lists(st.none() | INT64 | st.floats(allow_nan=False) | TEXT | st.binary(), min_size=1, max_size=5)


@given(PLAIN)
def test_packed_values_come_back(value: Any) -> None:
    assert unpackb(packb(value)) == value


@given(JSONABLE)
def test_json_comes_back_and_is_ascii(value: Any) -> None:
    assert to_json(value).isascii()
    assert from_json(to_json(value)) == value


def test_a_lone_surrogate_from_a_peer_can_be_stored() -> None:
    assert unpackb(packb("\ud800")) == from_json(to_json("\ud800")) == "\ud800"


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, 2**64, nested(5000)], ids=["object", "set", "65 bits", "deep"]
)
def test_what_msgpack_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(Unstorable):
        packb(value)


@pytest.mark.parametrize("value", [object(), b"bytes", nested(200_000)], ids=["object", "bytes", "deep"])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(Unstorable):
        to_json(value)


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"\x92\x01", b"\x01\x02", b"\xdd\xff\xff\xff\xff", b"\xa1\xff", b"\xc7\x01\x05x"],
    ids=["empty", "reserved", "short", "trailing", "4 Gi array", "not UTF-8", "extension"],
)
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        unpackb(data)


@given(st.binary(max_size=40))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    with contextlib.suppress(Undecodable):
        unpackb(data)


@pytest.mark.parametrize("text", ["", "{", "nul", '{"a":}'], ids=repr)
def test_foreign_text_is_refused(text: str) -> None:
    with pytest.raises(Undecodable):
        from_json(text)


@given(FIELDS, st.data())
def test_a_checksum_notices_a_flipped_bit(fields: list[Any], draw: st.DataObject) -> None:
    packed = bytearray(packb(fields))
    bit = draw.draw(st.integers(0, len(packed) * 8 - 1))
    packed[bit // 8] ^= 1 << bit % 8
    try:
        other = unpackb(bytes(packed))
    except Undecodable:
        return
    if isinstance(other, list):
        assert checksum(*other) != checksum(*fields)


def test_a_checksum_tells_columns_apart() -> None:
    assert len({checksum("ab", "c"), checksum("a", "bc"), checksum("abc"), checksum(1), checksum(1.0)}) == 5


@given(FIELDS, st.sampled_from([65_535, 65_536, 70_000]), st.integers(0, 4))
def test_a_checksum_of_long_columns_is_that_of_their_packed_form(
    fields: list[Any], size: int, at: int
) -> None:
    fields.insert(at, bytes(size))
    assert checksum(*fields) == zlib.crc32(packb(tuple(fields)))


def test_a_checksum_copies_no_long_column() -> None:
    """The largest event of an instance is tens of megabytes long, and it has few such to spare."""
    body = bytes(8 << 20)
    checksum(1, body)
    tracemalloc.start()
    checksum(1, body)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < len(body) // 2
