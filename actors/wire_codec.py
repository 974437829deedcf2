"""Frames between actors: who may speak, before anything is read from what they say.

A frame is  fields | payload tag | header tag | payload  with

    fields       magic "SBW", version byte, payload length (8 bytes, big-endian)
    payload tag  HMAC-SHA256(payload key, payload)
    header tag   HMAC-SHA256(header key, fields + payload tag)

The header tag authenticates the version and the length before one byte of payload is buffered: a stranger can make a
process hold less than one header. A later version adds fields (destination, counter of a replay window) to the header;
they are authenticated the same way, and a peer of another version is refused by name.
"""

import hmac
import struct
from collections.abc import Callable
from enum import Enum
from typing import Any

VERSION = 1
KEY_BYTES = 32

_MAGIC = b"SBW"
_FIELDS = struct.Struct(">3sBQ")
_TAG_BYTES = 32
HEADER_BYTES = _FIELDS.size + 2 * _TAG_BYTES

# An acknowledgement is read by one system call, and no data frame is as short as this.
FIRST_READ_BYTES = HEADER_BYTES + 22


class Refusal(Enum):
    """Why a frame was refused."""

    FOREIGN = "not a frame of this protocol"
    VERSION = "a frame of another version"
    OVERSIZE = "a longer frame than allowed"
    UNSIGNED = "a frame without a valid signature"
    DISALLOWED = "a class that may not travel"
    MALFORMED = "a signed frame that can't be read"

    @property
    def authenticated(self) -> bool:
        """True when the sender has proved that it knows the wire key."""
        return self in (Refusal.DISALLOWED, Refusal.MALFORMED)


class FrameRefused(Exception):
    """A frame that must not be acted on; `detail` holds no data of the frame but names and sizes."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.value + (f": {detail}" if detail else ""))
        self.refusal = refusal
        self.detail = detail


class FrameCodec:
    """Signs and checks frames with keys derived from the wire key.

    `max_payload_bytes`: longest payload, sent or accepted.
    """

    def __init__(self, key: bytes, max_payload_bytes: int) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a wire key has {KEY_BYTES} bytes, this one has {len(key)}")
        self.max_payload_bytes = max_payload_bytes
        self._header_key = hmac.digest(key, b"sambung wire: header", "sha256")
        self._payload_key = hmac.digest(key, b"sambung wire: payload", "sha256")

    def seal(self, payload: bytes) -> bytes:
        """The frame for a payload. ValueError when it is longer than allowed."""
        if len(payload) > self.max_payload_bytes:
            raise ValueError(
                f"a message of {len(payload)} bytes is longer than the {self.max_payload_bytes} allowed between actors"
            )
        fields = _FIELDS.pack(_MAGIC, VERSION, len(payload))
        payload_tag = hmac.digest(self._payload_key, payload, "sha256")
        header_tag = hmac.digest(self._header_key, fields + payload_tag, "sha256")
        return b"".join((fields, payload_tag, header_tag, payload))

    def check_start(self, start: bytes) -> None:
        """Refuse what can't become a header, however little of it has come."""
        if start[:3] != _MAGIC[: len(start)]:
            raise FrameRefused(Refusal.FOREIGN)
        if len(start) > 3 and start[3] != VERSION:
            raise FrameRefused(Refusal.VERSION, f"{start[3]}, this is {VERSION}")

    def open_header(self, header: bytes) -> tuple[int, bytes]:
        """Payload length in bytes and payload tag of an authentic header (HEADER_BYTES long)."""
        self.check_start(header)
        length: int = _FIELDS.unpack_from(header)[2]
        if length > self.max_payload_bytes:
            raise FrameRefused(Refusal.OVERSIZE, f"{length} bytes, allowed are {self.max_payload_bytes}")
        signed, header_tag = header[:-_TAG_BYTES], header[-_TAG_BYTES:]
        if not hmac.compare_digest(hmac.digest(self._header_key, signed, "sha256"), header_tag):
            raise FrameRefused(Refusal.UNSIGNED)
        return length, signed[_FIELDS.size :]

    def check_payload(self, tag: bytes, payload: bytes) -> None:
        if not hmac.compare_digest(hmac.digest(self._payload_key, payload, "sha256"), tag):
            raise FrameRefused(Refusal.UNSIGNED)


class FrameBuffer:
    """One frame as it arrives. The method names are those Thespian calls on its own buffer.

    `addMore` raises FrameRefused as soon as the bytes can't be an authentic frame; `completed` raises it when the
    payload can't be read.
    """

    def __init__(self, codec: FrameCodec, load: Callable[[bytes], Any]) -> None:
        self._codec = codec
        self._load = load
        self._header = b""
        self._tag = b""
        self._length: int | None = None
        self._chunks: list[bytes] = []
        self._missing_bytes = 0
        self._extra = b""
        self._value: tuple[Any] | None = None

    @property
    def authenticated(self) -> bool:
        """True once the header's signature was found valid."""
        return self._length is not None

    def addMore(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"frames are bytes, not {type(data).__name__}")
        if self._length is None:
            data = self._add_header(data)
        if self._length is None:
            return
        part, rest = data[: self._missing_bytes], data[self._missing_bytes :]
        self._extra += rest
        if part:
            self._chunks.append(part)
            self._missing_bytes -= len(part)
            if not self._missing_bytes:
                self._chunks = [b"".join(self._chunks)]
                self._codec.check_payload(self._tag, self._chunks[0])

    def _add_header(self, data: bytes) -> bytes:
        head = self._header + data
        self._header, rest = head[:HEADER_BYTES], head[HEADER_BYTES:]
        if len(self._header) < HEADER_BYTES:
            self._codec.check_start(self._header)
            return b""
        length, self._tag = self._codec.open_header(self._header)
        if length == 0:
            raise FrameRefused(Refusal.MALFORMED, "an empty frame")
        self._length = self._missing_bytes = length
        return rest

    def is_empty(self) -> bool:
        return not self._header

    def remainingAmount(self) -> int:
        """How many bytes to read next; never beyond the frame's end."""
        return self._missing_bytes if self._length is not None else FIRST_READ_BYTES - len(self._header)

    def isDone(self) -> bool:
        return self._length is not None and self._missing_bytes == 0

    def removeExtra(self) -> None:
        self._extra = b""

    def completed(self) -> tuple[Any, bytes] | None:
        """The object in the frame and the bytes behind it; None while it is incomplete."""
        if not self.isDone():
            return None
        if self._value is None:
            self._value = (self._load(self._chunks[0]),)
            self._chunks = []
        return self._value[0], self._extra
