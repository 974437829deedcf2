"""Frames: every way to send one is accepted, every way to forge one is refused."""

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.wire_codec import (
    FIRST_READ_BYTES,
    HEADER_BYTES,
    KEY_BYTES,
    FrameBuffer,
    FrameCodec,
    FrameRefused,
    Refusal,
)

KEY = secrets.token_bytes(KEY_BYTES)
LIMIT = 4096
CODEC = FrameCodec(KEY, LIMIT)


def buffer(codec: FrameCodec = CODEC, load: Any = bytes) -> FrameBuffer:
    return FrameBuffer(codec, load)


def fed(data: bytes, sizes: list[int]) -> FrameBuffer:
    """A buffer that got the data in parts of these sizes, then the rest."""
    one = buffer()
    for size in sizes:
        part, data = data[:size], data[size:]
        if part:
            one.addMore(part)
    if data:
        one.addMore(data)
    return one


@given(st.binary(min_size=1, max_size=LIMIT), st.lists(st.integers(1, 200)), st.binary(max_size=50))
def test_a_frame_is_read_however_it_is_cut(payload: bytes, sizes: list[int], extra: bytes) -> None:
    one = fed(CODEC.seal(payload) + extra, sizes)
    assert one.isDone() and one.authenticated
    assert one.completed() == (payload, extra)


@given(st.binary(min_size=22, max_size=LIMIT))
def test_reading_what_remains_never_reads_beyond_the_frame(payload: bytes) -> None:
    frame, one, position = CODEC.seal(payload), buffer(), 0
    while not one.isDone():
        wanted = one.remainingAmount()
        assert 0 < wanted <= len(frame) - position
        one.addMore(frame[position : position + wanted])
        position += wanted
    assert position == len(frame)


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_changed_bit_anywhere_is_refused(payload: bytes, data: st.DataObject) -> None:
    frame = bytearray(CODEC.seal(payload))
    position = data.draw(st.integers(0, len(frame) - 1))
    frame[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FrameRefused):
        fed(bytes(frame), data.draw(st.lists(st.integers(1, 100))))


def header(length: int, version: int = 1, magic: bytes = b"SBW") -> bytes:
    return magic + bytes([version]) + length.to_bytes(8) + bytes(64)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"G", Refusal.FOREIGN),
        (b"SB>", Refusal.FOREIGN),
        (b"1099511627776>", Refusal.FOREIGN),
        (b"SBW\x02", Refusal.VERSION),
        (header(1 << 40), Refusal.OVERSIZE),
        (header(LIMIT + 1), Refusal.OVERSIZE),
        (header(10), Refusal.UNSIGNED),
        (FrameCodec(bytes(KEY_BYTES), LIMIT).seal(b"x"), Refusal.UNSIGNED),
        (FrameCodec(KEY, 2 * LIMIT).seal(bytes(LIMIT + 1)), Refusal.OVERSIZE),
        (CODEC.seal(b"one")[:HEADER_BYTES] + b"two", Refusal.UNSIGNED),
        (CODEC.seal(b""), Refusal.MALFORMED),
    ],
    ids=[
        "first byte",
        "third byte",
        "stock length",
        "version",
        "2^40",
        "one more than allowed",
        "no signature",
        "another key",
        "signed but longer than allowed",
        "exchanged payload",
        "empty",
    ],
)
def test_forgeries_are_refused_as_soon_as_they_can_be_told(data: bytes, refusal: Refusal) -> None:
    with pytest.raises(FrameRefused) as caught:
        buffer().addMore(data)
    assert caught.value.refusal is refusal


def test_an_incomplete_frame_is_neither_done_nor_refused() -> None:
    one = buffer()
    assert one.is_empty() and one.remainingAmount() == FIRST_READ_BYTES
    one.addMore(CODEC.seal(b"payload")[:-1])
    assert not one.isDone() and one.completed() is None and not one.is_empty()
    assert one.remainingAmount() == 1


def test_the_object_is_loaded_once() -> None:
    loads: list[bytes] = []
    one = buffer(load=loads.append)
    one.addMore(CODEC.seal(b"payload"))
    one.completed()
    one.completed()
    assert loads == [b"payload"]


def test_extra_bytes_can_be_dropped() -> None:
    one = fed(CODEC.seal(b"payload") + b"extra", [])
    one.removeExtra()
    assert one.completed() == (b"payload", b"")


def test_what_is_not_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match="not tuple"):
        buffer().addMore(("sender", "message"))  # type: ignore[arg-type]


def test_a_payload_longer_than_allowed_is_not_sealed() -> None:
    with pytest.raises(ValueError, match=f"{LIMIT + 1} bytes is longer than the {LIMIT} allowed"):
        CODEC.seal(bytes(LIMIT + 1))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"this one has {length}"):
        FrameCodec(bytes(length), LIMIT)
