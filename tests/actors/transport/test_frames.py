"""The frame reader: any slicing gives the same messages; every violation its code; nothing large is buffered."""

import itertools
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.frames import (
    Fragment,
    FrameEvent,
    FrameReader,
    Message,
    PeerClose,
    Ping,
    Pong,
    Violation,
    close_payload,
    legal_close_code,
)

LIMIT = 1 << 17
# A slow machine is no property of the reader.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def encode(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


def read(slices: list[bytes], limit: int = LIMIT) -> list[FrameEvent]:
    reader = FrameReader(limit)
    events: list[FrameEvent] = []
    for part in slices:
        reader.feed(part)
        while (event := reader.take()) is not None:
            events.append(event)
    return events


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@dataclass(frozen=True)
class Sent:
    """A valid stream and the events that it means, fragments left out."""

    stream: bytes
    events: tuple[FrameEvent, ...]


control = st.one_of(
    st.binary(max_size=125).map(lambda data: (encode(0x9, data), Ping(data))),
    st.binary(max_size=125).map(lambda data: (encode(0xA, data), Pong(data))),
)


@st.composite
def whole_messages(draw: st.DrawFn) -> Sent:
    """One message in 1..5 fragments, with control frames between them."""
    text = draw(st.booleans())
    data: bytes | str = draw(st.text(max_size=300)) if text else draw(st.binary(max_size=300))
    payload = data.encode() if isinstance(data, str) else data
    parts = cut(payload, draw(st.lists(st.integers(0, 1000), max_size=4)))
    stream, events = b"", []
    for index, part in enumerate(parts):
        opcode = 0 if index else (1 if text else 2)
        stream += encode(opcode, part, fin=index == len(parts) - 1)
        if index < len(parts) - 1:
            for raw, event in draw(st.lists(control, max_size=2)):
                stream += raw
                events.append(event)
    return Sent(stream, (*events, Message(data)))


streams = st.lists(st.one_of(whole_messages(), control.map(lambda c: Sent(c[0], (c[1],)))), max_size=6)


@patient
@given(streams, st.lists(st.integers(0, 5000), max_size=40))
def test_any_slicing_of_a_valid_stream_gives_the_same_events(sent: list[Sent], points: list[int]) -> None:
    data = b"".join(part.stream for part in sent)
    expected = [event for part in sent for event in part.events]
    assert [e for e in read(cut(data, points)) if e != Fragment()] == expected


@patient
@given(streams)
def test_one_byte_slices_give_the_same_events(sent: list[Sent]) -> None:
    data = b"".join(part.stream for part in sent)
    expected = [event for part in sent for event in part.events]
    assert [e for e in read([bytes([byte]) for byte in data]) if e != Fragment()] == expected


@patient
@given(streams, st.integers(0, 5000))
def test_a_stream_cut_short_gives_a_prefix_of_its_events(sent: list[Sent], point: int) -> None:
    data = b"".join(part.stream for part in sent)
    whole = read([data])
    short = read([data[: point % (len(data) + 1)]])
    assert short == whole[: len(short)]


@patient
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_give_at_most_one_violation_and_it_is_the_last_event(slices: list[bytes]) -> None:
    events = read(slices)
    ends = [index for index, event in enumerate(events) if isinstance(event, Violation | PeerClose)]
    assert ends in ([], [len(events) - 1])
    assert all(event.code in (1002, 1007, 1009) for event in events if isinstance(event, Violation))


def legal_start(first: int, second: int) -> bool:
    """RFC 6455 §5.2 for the first two bytes of a server's first frame."""
    final, opcode = bool(first & 0x80), first & 0x0F
    if first & 0x70 or second & 0x80:
        return False
    return opcode in (1, 2) or (opcode in (8, 9, 10) and final and second <= 125)


def test_every_illegal_start_of_a_frame_is_1002_and_every_legal_one_is_not() -> None:
    wrong = []
    for first in range(256):
        for second in range(256):
            refused = [e.code for e in read([bytes([first, second])]) if isinstance(e, Violation)]
            if refused != ([] if legal_start(first, second) else [1002]):
                wrong.append((hex(first), hex(second), refused))
    assert wrong == []


@patient
@given(
    st.text(max_size=50),
    st.sampled_from(
        [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x28", b"\xf8\x88"]
    ),
    st.lists(st.integers(0, 500), max_size=5),
    st.integers(0, 200),
)
def test_invalid_utf8_is_1007_as_soon_as_its_bytes_are_there(
    before: str, bad: bytes, points: list[int], rest: int
) -> None:
    payload = before.encode() + bad
    # The frame promises more than has arrived: the verdict must not wait for the rest.
    header = b"\x01\x7e" + (len(payload) + 200 + rest).to_bytes(2, "big")
    events = read([header, *cut(payload, points)])
    assert [type(event) for event in events] == [Violation]
    assert isinstance(events[-1], Violation) and events[-1].code == 1007


@pytest.mark.parametrize("opcode", [1, 2])
@pytest.mark.parametrize("size", [LIMIT + 1, 1 << 31, (1 << 63) - 1])
def test_a_frame_beyond_the_limit_is_1009_by_its_header_alone(opcode: int, size: int) -> None:
    (event,) = read([bytes([0x80 | opcode]) + b"\x7f" + size.to_bytes(8, "big")])
    assert isinstance(event, Violation) and event.code == 1009


@patient
@given(st.lists(st.integers(0, LIMIT // 2), min_size=2, max_size=8))
def test_fragments_may_sum_up_to_the_limit_and_not_one_byte_more(sizes: list[int]) -> None:
    total, expected = 0, True
    stream = b""
    for index, size in enumerate(sizes):
        stream += encode(0 if index else 2, bytes(size), fin=index == len(sizes) - 1)
        total += size
        expected = expected and total <= LIMIT
    last = read([stream])[-1]
    assert isinstance(last, Message) if expected else (isinstance(last, Violation) and last.code == 1009)


def test_a_length_with_the_highest_bit_is_1002() -> None:
    (event,) = read([b"\x82\x7f" + (1 << 63).to_bytes(8, "big")])
    assert isinstance(event, Violation) and event.code == 1002


@pytest.mark.parametrize("header", [b"\x82\x7e\x00\x7d", b"\x82\x7f" + (65535).to_bytes(8, "big")])
def test_a_length_not_in_the_fewest_bytes_is_1002(header: bytes) -> None:
    (event,) = read([header])
    assert isinstance(event, Violation) and event.code == 1002


def test_a_close_code_is_taken_exactly_when_it_may_travel() -> None:
    registered = {1000, 1001, 1002, 1003, *range(1007, 1015)}
    for code in range(1 << 16):
        legal = code in registered or 3000 <= code <= 4999
        (event,) = read([encode(8, code.to_bytes(2, "big") + b"bye")])
        assert event == (PeerClose(code, "bye") if legal else event)
        assert isinstance(event, PeerClose if legal else Violation), code
        assert legal_close_code(code) is legal


def test_nothing_follows_a_close() -> None:
    assert read([encode(8, b"\x03\xe8") + encode(1, b"late"), encode(1, b"later")]) == [PeerClose(1000, "")]


@patient
@given(st.one_of(st.none(), st.integers(0, 70_000)), st.text(max_size=200))
def test_our_close_payload_is_always_legal(code: int | None, reason: str) -> None:
    (event,) = read([encode(8, close_payload(code, reason))])
    assert isinstance(event, PeerClose)
    if code is None:
        assert event == PeerClose(None, "")
    else:
        assert event.code == (code if legal_close_code(code) else 1000)
        assert reason.startswith(event.reason)
