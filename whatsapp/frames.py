"""Framing inside the WebSocket byte stream (protocol §1): 3-byte big-endian length, then that many bytes.

The client sends one intro header, immediately before its first frame and in the same WebSocket message. Bytes are
accumulated: a WebSocket message may hold several frames, or a part of one.
"""

from whatsapp.errors import FrameError, LocalProtocolError

INTRO = b"WA\x06\x03"  # magic 6, dictionary version 3; also the Noise prologue
ROUTING_INTRO = b"ED\x00\x01"
LENGTH_BYTES = 3
MAX_FRAME_BYTES = (1 << 24) - 1
MAX_ROUTING_BYTES = 4096  # our own bound; real routing information is some tens of bytes


def intro_header(routing: bytes = b"") -> bytes:
    """What goes in front of the client's first frame; `routing` is what the server gave for edge routing (§8)."""
    if not routing:
        return INTRO
    if len(routing) > MAX_ROUTING_BYTES:
        raise LocalProtocolError(f"routing information of {len(routing)} bytes, at most {MAX_ROUTING_BYTES}")
    return ROUTING_INTRO + len(routing).to_bytes(LENGTH_BYTES, "big") + routing + INTRO


def encode_frame(payload: bytes) -> bytes:
    """One frame; LocalProtocolError when the payload does not fit."""
    if len(payload) > MAX_FRAME_BYTES:
        raise LocalProtocolError(f"frame of {len(payload)} bytes, at most {MAX_FRAME_BYTES}")
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


class FrameDecoder:
    """Bytes in, whole frames out. `max_frame_bytes` bounds what is ever buffered.

    With `expect_intro` (the server's side) the stream must begin with an intro header; `routing` then holds the
    edge routing bytes, empty when there were none.
    """

    __slots__ = ("_buffer", "_expect_intro", "_max_frame_bytes", "routing")

    def __init__(self, *, expect_intro: bool = False, max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._buffer = bytearray()
        self._expect_intro = expect_intro
        self._max_frame_bytes = max_frame_bytes
        self.routing = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames completed by `data`, in order. Raises FrameError for a wrong intro or a too long frame."""
        self._buffer += data
        if self._expect_intro and not self._take_intro():
            return []
        frames, start = [], 0
        while (end := self._frame_end(start)) is not None:
            frames.append(bytes(self._buffer[start + LENGTH_BYTES : end]))
            start = end
        del self._buffer[:start]
        return frames

    @property
    def buffered_bytes(self) -> int:
        """How many bytes of an unfinished frame are held."""
        return len(self._buffer)

    def _frame_end(self, start: int) -> int | None:
        if len(self._buffer) < start + LENGTH_BYTES:
            return None
        length = int.from_bytes(self._buffer[start : start + LENGTH_BYTES], "big")
        if length > self._max_frame_bytes:
            raise FrameError(f"frame of {length} bytes announced, at most {self._max_frame_bytes}")
        end = start + LENGTH_BYTES + length
        return end if end <= len(self._buffer) else None

    def _take_intro(self) -> bool:
        """True once the whole intro was read off the buffer."""
        head = bytes(self._buffer[:4])
        if head == ROUTING_INTRO and not self._take_routing():
            return False
        head = bytes(self._buffer[:4])
        if not INTRO.startswith(head) and not (self.routing == b"" and ROUTING_INTRO.startswith(head)):
            raise FrameError("the stream does not begin with the intro header")
        if head != INTRO:
            return False
        del self._buffer[:4]
        self._expect_intro = False
        return True

    def _take_routing(self) -> bool:
        if len(self._buffer) < 4 + LENGTH_BYTES:
            return False
        length = int.from_bytes(self._buffer[4 : 4 + LENGTH_BYTES], "big")
        if not 0 < length <= MAX_ROUTING_BYTES:
            raise FrameError(f"routing information of {length} bytes, allowed are 1 to {MAX_ROUTING_BYTES}")
        end = 4 + LENGTH_BYTES + length
        if len(self._buffer) < end:
            return False
        self.routing = bytes(self._buffer[4 + LENGTH_BYTES : end])
        del self._buffer[:end]
        return True
