import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp.errors import FrameError, LocalProtocolError, RemoteProtocolError
from whatsapp.frames import INTRO, MAX_ROUTING_BYTES, FrameDecoder, encode_frame, intro_header

relaxed = settings(deadline=None)


def slices(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@relaxed
@given(
    st.lists(st.binary(max_size=300), max_size=8), st.binary(max_size=50), st.lists(st.integers(0, 10_000))
)
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(payloads, routing, cuts):
    stream = intro_header(routing) + b"".join(map(encode_frame, payloads))
    decoder = FrameDecoder(expect_intro=True)
    received = [frame for part in slices(stream, cuts) for frame in decoder.feed(part)]
    assert received == payloads
    assert decoder.routing == routing
    assert decoder.buffered_bytes == 0


def test_the_first_message_of_the_handshake_vector(vectors):
    stream = bytes.fromhex(vectors["noise"]["first_ws_message"])
    (frame,) = FrameDecoder(expect_intro=True).feed(stream)
    assert intro_header() + encode_frame(frame) == stream


def test_a_routing_prefix_is_written_before_the_intro():
    assert intro_header(b"xy") == b"ED\x00\x01" + b"\x00\x00\x02xy" + b"WA\x06\x03"


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"GET / HTTP/1.1", id="not our protocol"),
        pytest.param(b"WA\x06\x02", id="an older dictionary"),
        pytest.param(b"W\x00", id="wrong second byte"),
        pytest.param(b"ED\x00\x01\x00\x00\x00", id="empty routing"),
        pytest.param(b"ED\x00\x01\xff\xff\xff", id="endless routing"),
        pytest.param(intro_header(b"a")[:-4] + intro_header(b"b"), id="routing twice"),
    ],
)
def test_a_wrong_intro_is_refused_at_once(stream):
    with pytest.raises(FrameError):
        FrameDecoder(expect_intro=True).feed(stream)


def test_a_frame_longer_than_allowed_is_refused_before_it_arrives():
    decoder = FrameDecoder(max_frame_bytes=1000)
    assert decoder.feed(encode_frame(bytes(1000))) == [bytes(1000)]
    with pytest.raises(FrameError, match="1001"):
        decoder.feed((1001).to_bytes(3, "big"))


def test_what_does_not_fit_is_our_own_error():
    with pytest.raises(LocalProtocolError):
        encode_frame(bytes(1 << 24))
    with pytest.raises(LocalProtocolError):
        intro_header(bytes(MAX_ROUTING_BYTES + 1))


@relaxed
@given(st.lists(st.binary(max_size=40), max_size=10), st.booleans())
def test_arbitrary_bytes_raise_nothing_but_remote_errors(parts, expect_intro):
    decoder = FrameDecoder(expect_intro=expect_intro, max_frame_bytes=64)
    try:
        for part in parts:
            decoder.feed(part)
    except RemoteProtocolError:
        return
    assert decoder.buffered_bytes <= 64 + 3 + MAX_ROUTING_BYTES + len(INTRO)
