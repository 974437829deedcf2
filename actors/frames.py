"""WebSocket frames from a server, read strictly and incrementally (RFC 6455 §5, §7.4, §8.1). Pure.

Bytes in any slicing go into `FrameReader.feed`; `take` gives one event per frame. The first violation is the last
event: it carries the Close code that answers it. Nothing larger than the message limit is ever buffered, and text
is checked as it arrives, also inside fragments.

    header -> control frame -> Ping | Pong | PeerClose
           -> data frame    -> Fragment ... Message
           -> illegal       -> Violation
"""

import codecs
from dataclasses import dataclass
from enum import IntEnum

CLOSE_NORMAL = 1000
CLOSE_PROTOCOL = 1002
CLOSE_INVALID_DATA = 1007
CLOSE_TOO_BIG = 1009
MAX_CONTROL_BYTES = 125
MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2
# RFC 6455 §7.4.1 and the IANA registry (1012..1014); 1004..1006 and 1015 never travel in a frame.
REGISTERED_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})


class Opcode(IntEnum):
    """RFC 6455 §11.8."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


OPCODES = frozenset(int(opcode) for opcode in Opcode)


@dataclass(frozen=True, slots=True)
class Message:
    """One whole message: str for text (valid UTF-8), bytes for binary."""

    data: bytes | str


@dataclass(frozen=True, slots=True)
class Fragment:
    """A frame of a message that is not complete yet."""


@dataclass(frozen=True, slots=True)
class Ping:
    data: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    data: bytes


@dataclass(frozen=True, slots=True)
class PeerClose:
    """The peer's Close frame; `code` None when it named none. Nothing follows it."""

    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Violation:
    """The peer broke the protocol: `code` is the Close code to answer with. Nothing follows it."""

    code: int
    text: str


FrameEvent = Message | Fragment | Ping | Pong | PeerClose | Violation


class _Broken(Exception):
    """Leaves the parsing functions as a Violation; never leaves this module."""

    def __init__(self, text: str, code: int = CLOSE_PROTOCOL) -> None:
        super().__init__(text)
        self.violation = Violation(code, text)


def legal_close_code(code: int) -> bool:
    """True for a code that may travel in a Close frame."""
    return code in REGISTERED_CODES or 3000 <= code <= 4999


def close_payload(code: int | None, reason: str = "") -> bytes:
    """Payload of a Close frame: empty for None; an illegal code becomes 1000; the reason is cut to 123 bytes."""
    if code is None:
        return b""
    legal = code if legal_close_code(code) else CLOSE_NORMAL
    cut = reason.encode("utf-8", "replace")[:MAX_REASON_BYTES].decode("utf-8", "ignore")
    return legal.to_bytes(2, "big") + cut.encode()


class FrameReader:
    """The receiving half of one connection. `finished`: a Close frame or a violation was seen."""

    def __init__(self, max_message_bytes: int) -> None:
        self.finished = False
        self._max_bytes = max_message_bytes
        self._data = b""
        self._at = 0
        self._left: int | None = None  # payload bytes of the current data frame still to come
        self._final = False
        self._kind: int | None = None  # opcode of the message that is being assembled
        self._message = bytearray()
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")

    def feed(self, data: bytes) -> None:
        """Adds received bytes. Ignored once finished."""
        if not self.finished:
            self._data = self._data[self._at :] + data
            self._at = 0

    def take(self) -> FrameEvent | None:
        """The next frame's event, or None: more bytes are needed (or the reader is finished)."""
        if self.finished:
            return None
        try:
            event = self._next_frame() if self._left is None else self._payload(self._left)
        except _Broken as broken:
            event = broken.violation
        if isinstance(event, PeerClose | Violation):
            self.finished = True
            self._data, self._message = b"", bytearray()
        return event

    def _next_frame(self) -> FrameEvent | None:
        if len(self._data) - self._at < 2:
            return None
        first, second = self._data[self._at], self._data[self._at + 1]
        opcode, final = first & 0x0F, bool(first & 0x80)
        _check_header(first, second)
        if opcode >= Opcode.CLOSE:
            return self._control(opcode, second)
        self._check_order(opcode)
        length = self._take_length(second)
        if length is None:
            return None
        if len(self._message) + length > self._max_bytes:
            raise _Broken(f"a message is larger than {self._max_bytes} bytes", CLOSE_TOO_BIG)
        self._kind = self._kind or opcode
        self._final, self._left = final, length
        return self._payload(length)

    def _check_order(self, opcode: int) -> None:
        if opcode == Opcode.CONTINUATION and self._kind is None:
            raise _Broken("a continuation frame without a message to continue")
        if opcode != Opcode.CONTINUATION and self._kind is not None:
            raise _Broken("a new message inside a fragmented one")

    def _take_length(self, second: int) -> int | None:
        """Moves past the header and gives the payload length; None: the header is not complete."""
        short = second & 0x7F
        extra = {126: 2, 127: 8}.get(short, 0)
        start = self._at + 2
        if len(self._data) < start + extra:
            return None
        length = int.from_bytes(self._data[start : start + extra], "big") if extra else short
        if length >> 63:
            raise _Broken("a frame length of more than 63 bits")
        if extra and length < (126 if extra == 2 else 1 << 16):
            raise _Broken("a frame length that is not encoded in the fewest bytes")
        self._at = start + extra
        return length

    def _control(self, opcode: int, length: int) -> FrameEvent | None:
        start = self._at + 2
        if len(self._data) < start + length:
            return None
        payload = self._data[start : start + length]
        self._at = start + length
        if opcode == Opcode.PING:
            return Ping(payload)
        return Pong(payload) if opcode == Opcode.PONG else _parse_close(payload)

    def _payload(self, left: int) -> FrameEvent | None:
        chunk = self._data[self._at : self._at + left]
        self._at += len(chunk)
        self._left = left - len(chunk)
        arrived = self._left == 0
        if arrived and self._final and not self._message:
            return self._complete(chunk)
        self._check_text(chunk, final=arrived and self._final)
        self._message += chunk
        if not arrived:
            return None
        if self._final:
            return self._complete(bytes(self._message))
        self._left = None
        return Fragment()

    def _check_text(self, chunk: bytes, *, final: bool) -> None:
        if self._kind == Opcode.TEXT:
            try:
                self._utf8.decode(chunk, final)
            except UnicodeDecodeError:
                raise _Broken("a text message is not valid UTF-8", CLOSE_INVALID_DATA) from None

    def _complete(self, payload: bytes) -> FrameEvent:
        text = self._kind == Opcode.TEXT
        self._left, self._kind = None, None
        self._message = bytearray()
        self._utf8.reset()
        return Message(_decode(payload, "a text message")) if text else Message(payload)


def _check_header(first: int, second: int) -> None:
    opcode = first & 0x0F
    if first & 0x70:
        raise _Broken("reserved bits are set")
    if opcode not in OPCODES:
        raise _Broken(f"unknown opcode {opcode}")
    if second & 0x80:
        raise _Broken("a masked frame from the server")
    if opcode >= Opcode.CLOSE and not first & 0x80:
        raise _Broken("a fragmented control frame")
    if opcode >= Opcode.CLOSE and second > MAX_CONTROL_BYTES:
        raise _Broken(f"a control frame of more than {MAX_CONTROL_BYTES} bytes")


def _parse_close(payload: bytes) -> PeerClose:
    if not payload:
        return PeerClose(None, "")
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1:
        raise _Broken("a Close frame with half a code")
    if not legal_close_code(code):
        raise _Broken(f"a Close frame with the illegal code {code}")
    return PeerClose(code, _decode(payload[2:], "a Close reason"))


def _decode(payload: bytes, what: str) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise _Broken(f"{what} is not valid UTF-8", CLOSE_INVALID_DATA) from None
