"""Frames: every way to send one is accepted, every way to forge one is refused."""

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.wire_buffers import FIRST_READ_BYTES, FrameBuffer, ReceiptBuffer
from actors.wire_codec import (
    HEADER_BYTES,
    KEY_BYTES,
    RECEIPT_BYTES,
    VERSION,
    FrameCodec,
    FrameRefused,
    Refusal,
    Stamp,
    header_tag,
)

KEY = secrets.token_bytes(KEY_BYTES)
LIMIT = 4096
CODEC = FrameCodec(KEY, LIMIT)
STAMP = Stamp(b"\x7f\0\0\1\x04\xd2", b"sender-1", 7, 123_456_789)


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


@given(st.binary(min_size=1, max_size=LIMIT), st.lists(st.integers(1, 200)))
def test_a_frame_is_read_however_it_is_cut(payload: bytes, sizes: list[int]) -> None:
    one = fed(CODEC.seal(payload, STAMP), sizes)
    assert one.isDone()
    assert one.header is not None and one.header.stamp == STAMP and one.header.length_bytes == len(payload)
    assert one.completed() == (payload, b"")


@given(st.binary(min_size=1, max_size=LIMIT), st.integers(1, 200))
def test_what_remains_is_asked_for_and_no_more(payload: bytes, first: int) -> None:
    frame, one = CODEC.seal(payload, STAMP), buffer()
    assert one.remainingAmount() == FIRST_READ_BYTES
    position = min(first, len(frame))
    one.addMore(frame[:position])
    while not one.isDone():
        wanted = one.remainingAmount()
        assert wanted > 0
        assert one.header is None or wanted == len(frame) - position
        one.addMore(frame[position : position + wanted])
        position = min(position + wanted, len(frame))
    assert one.completed() == (payload, b"")


@given(st.binary(min_size=1, max_size=300), st.binary(min_size=1, max_size=50), st.lists(st.integers(1, 200)))
def test_bytes_behind_a_frame_are_refused(payload: bytes, extra: bytes, sizes: list[int]) -> None:
    with pytest.raises(FrameRefused) as caught:
        fed(CODEC.seal(payload, STAMP) + extra, sizes)
    assert caught.value.refusal is Refusal.MALFORMED


@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_changed_bit_anywhere_is_refused(payload: bytes, data: st.DataObject) -> None:
    frame = bytearray(CODEC.seal(payload, STAMP))
    position = data.draw(st.integers(0, len(frame) - 1))
    frame[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FrameRefused):
        fed(bytes(frame), data.draw(st.lists(st.integers(1, 100))))


def header(length: int, version: int = VERSION, magic: bytes = b"SBW") -> bytes:
    return (magic + bytes([version]) + length.to_bytes(8)).ljust(HEADER_BYTES, b"\0")


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"G", Refusal.FOREIGN),
        (b"SB>", Refusal.FOREIGN),
        (b"1099511627776>", Refusal.FOREIGN),
        (b"SBW\x01", Refusal.VERSION),
        (header(1 << 40), Refusal.OVERSIZE),
        (header(LIMIT + 1), Refusal.OVERSIZE),
        (header(10), Refusal.UNSIGNED),
        (FrameCodec(bytes(KEY_BYTES), LIMIT).seal(b"x", STAMP), Refusal.UNSIGNED),
        (FrameCodec(KEY, 2 * LIMIT).seal(bytes(LIMIT + 1), STAMP), Refusal.OVERSIZE),
        (FrameCodec(KEY, LIMIT, b"another boot").seal(b"x", STAMP), Refusal.UNSIGNED),
        (CODEC.seal(b"one", STAMP)[:HEADER_BYTES] + b"two", Refusal.UNSIGNED),
        (CODEC.seal(b"", STAMP), Refusal.MALFORMED),
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
        "another boot",
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
    one.addMore(CODEC.seal(b"payload", STAMP)[:-1])
    assert not one.isDone() and one.completed() is None and not one.is_empty()
    assert one.remainingAmount() == 1


def test_the_object_is_loaded_once() -> None:
    loads: list[bytes] = []
    one = buffer(load=loads.append)
    one.addMore(CODEC.seal(b"payload", STAMP))
    one.completed()
    one.completed()
    assert loads == [b"payload"]


def test_what_is_not_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match="not tuple"):
        buffer().addMore(("sender", "message"))  # type: ignore[arg-type]


def test_a_payload_longer_than_allowed_is_not_sealed() -> None:
    with pytest.raises(ValueError, match=f"{LIMIT + 1} bytes is longer than the {LIMIT} allowed"):
        CODEC.seal(bytes(LIMIT + 1), STAMP)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"this one has {length}"):
        FrameCodec(bytes(length), LIMIT)


# ── receipts ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("delivered", [True, False])
@given(cut=st.integers(1, RECEIPT_BYTES))
def test_a_receipt_answers_its_frame(delivered: bool, cut: int) -> None:
    tag = header_tag(CODEC.seal(b"payload", STAMP))
    receipt, one = CODEC.receipt(tag, delivered), ReceiptBuffer(CODEC, tag)
    assert len(receipt) == RECEIPT_BYTES == one.remainingAmount()
    one.addMore(receipt[:cut])
    assert one.isDone() is (cut == RECEIPT_BYTES) and one.remainingAmount() == RECEIPT_BYTES - cut
    if cut < RECEIPT_BYTES:
        one.addMore(receipt[cut:])
    assert one.isDone() and one.delivered is delivered


@pytest.mark.parametrize("delivered", [True, False])
def test_a_captured_receipt_answers_no_other_frame(delivered: bool) -> None:
    captured = CODEC.receipt(header_tag(CODEC.seal(b"payload", STAMP)), delivered)
    later = Stamp(STAMP.destination, STAMP.stream, STAMP.counter + 1, STAMP.sent_ns + 1)
    waiting = ReceiptBuffer(CODEC, header_tag(CODEC.seal(b"payload", later)))
    with pytest.raises(FrameRefused) as caught:
        waiting.addMore(captured)
    assert caught.value.refusal is Refusal.UNSIGNED


@given(st.data())
def test_a_changed_receipt_is_refused(data: st.DataObject) -> None:
    tag = header_tag(CODEC.seal(b"payload", STAMP))
    receipt = bytearray(CODEC.receipt(tag, True))
    receipt[data.draw(st.integers(0, len(receipt) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FrameRefused):
        ReceiptBuffer(CODEC, tag).addMore(bytes(receipt))
