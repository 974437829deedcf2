"""Frames between actors: who may speak, before anything is read from what they say.

A frame is  fields | payload tag | header tag | payload  with

    fields       magic "SBW", version byte, payload length (8 bytes, big-endian), stamp
    stamp        receiver (IPv4 address, port), sender's stream (8 random bytes), counter in it, time sent
    payload tag  HMAC-SHA256(payload key, payload)
    header tag   HMAC-SHA256(header key, fields + payload tag)

The header tag authenticates length and stamp before one byte of payload is kept: a stranger can make a process hold
less than one header, and a frame for another receiver is refused by its header. `actors/wire_replay.py` judges stamps.

The answer to a frame is a receipt,  magic "SBR" | result byte | HMAC-SHA256(receipt key, result + header tag),  so that
it answers that one frame and no other. All keys are made for one boot of the host: times count from there.
"""

import hmac
import struct
from dataclasses import dataclass
from enum import Enum

VERSION = 2
KEY_BYTES = 32

_MAGIC = b"SBW"
_RECEIPT_MAGIC = b"SBR"
_FIELDS = struct.Struct(">3sBQ6s8sQQ")
_TAG_BYTES = 32
HEADER_BYTES = _FIELDS.size + 2 * _TAG_BYTES
RECEIPT_BYTES = len(_RECEIPT_MAGIC) + 1 + _TAG_BYTES
DESTINATION_BYTES = 6
STREAM_BYTES = 8


class Refusal(Enum):
    """Why a frame was refused."""

    FOREIGN = "not a frame of this protocol"
    VERSION = "a frame of another version"
    OVERSIZE = "a longer frame than allowed"
    UNSIGNED = "a frame without a valid signature"
    MISDIRECTED = "a frame for another receiver"
    STALE = "a frame from another time"
    REPEATED = "a frame that was delivered before, acknowledged again and not delivered"
    DISALLOWED = "a class that may not travel"
    MALFORMED = "a signed frame that can't be read"

    @property
    def authenticated(self) -> bool:
        """True when its sender knew the wire key and something is wrong with the message itself."""
        return self in (Refusal.DISALLOWED, Refusal.MALFORMED)


class FrameRefused(Exception):
    """A frame that must not be acted on; `detail` holds no data of the frame but names and sizes."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.value + (f": {detail}" if detail else ""))
        self.refusal = refusal
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes a frame unlike any other: receiver, the sender's stream, its number in it, when it was sealed.

    `destination`: IPv4 address (4 bytes) and port (2). `sent_ns`: monotonic clock of the host.
    """

    destination: bytes
    stream: bytes
    counter: int
    sent_ns: int


@dataclass(frozen=True, slots=True)
class Header:
    """An authentic header. `tag`: names this frame in its receipt."""

    length_bytes: int
    stamp: Stamp
    payload_tag: bytes
    tag: bytes


class FrameCodec:
    """Signs and checks frames with keys derived from the wire key.

    `max_payload_bytes`: longest payload, sent or accepted. `era`: frames of another era are unsigned (the boot id).
    """

    def __init__(self, key: bytes, max_payload_bytes: int, era: bytes = b"") -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a wire key has {KEY_BYTES} bytes, this one has {len(key)}")
        self.max_payload_bytes = max_payload_bytes
        self._header_key = hmac.digest(key, b"sambung wire: header" + era, "sha256")
        self._payload_key = hmac.digest(key, b"sambung wire: payload" + era, "sha256")
        self._receipt_key = hmac.digest(key, b"sambung wire: receipt" + era, "sha256")

    def check_length(self, payload: bytes) -> None:
        """ValueError when a payload is longer than allowed."""
        if len(payload) > self.max_payload_bytes:
            raise ValueError(
                f"a message of {len(payload)} bytes is longer than the {self.max_payload_bytes} allowed between actors"
            )

    def seal(self, payload: bytes, stamp: Stamp) -> bytes:
        """The frame for a payload. ValueError when it is longer than allowed."""
        self.check_length(payload)
        fields = _FIELDS.pack(
            _MAGIC, VERSION, len(payload), stamp.destination, stamp.stream, stamp.counter, stamp.sent_ns
        )
        payload_tag = hmac.digest(self._payload_key, payload, "sha256")
        header_tag = hmac.digest(self._header_key, fields + payload_tag, "sha256")
        return b"".join((fields, payload_tag, header_tag, payload))

    def check_start(self, start: bytes) -> None:
        """Refuse what can't become a header, however little of it has come."""
        if start[:3] != _MAGIC[: len(start)]:
            raise FrameRefused(Refusal.FOREIGN)
        if len(start) > 3 and start[3] != VERSION:
            raise FrameRefused(Refusal.VERSION, f"{start[3]}, this is {VERSION}")

    def open_header(self, header: bytes) -> Header:
        """What an authentic header (HEADER_BYTES long) says. FrameRefused else."""
        self.check_start(header)
        _, _, length, destination, stream, counter, sent_ns = _FIELDS.unpack_from(header)
        if length > self.max_payload_bytes:
            raise FrameRefused(Refusal.OVERSIZE, f"{length} bytes, allowed are {self.max_payload_bytes}")
        signed, tag = header[:-_TAG_BYTES], header[-_TAG_BYTES:]
        if not hmac.compare_digest(hmac.digest(self._header_key, signed, "sha256"), tag):
            raise FrameRefused(Refusal.UNSIGNED)
        if length == 0:
            raise FrameRefused(Refusal.MALFORMED, "an empty frame")
        return Header(length, Stamp(destination, stream, counter, sent_ns), signed[_FIELDS.size :], tag)

    def check_payload(self, tag: bytes, payload: bytes) -> None:
        """FrameRefused unless the payload is the one that the header's payload tag was made for."""
        if not hmac.compare_digest(hmac.digest(self._payload_key, payload, "sha256"), tag):
            raise FrameRefused(Refusal.UNSIGNED)

    def receipt(self, header_tag: bytes, delivered: bool) -> bytes:
        """The answer to the frame with that header tag: delivered, or not to be sent again as it is."""
        result = bytes([delivered])
        signature = hmac.digest(self._receipt_key, result + header_tag, "sha256")
        return _RECEIPT_MAGIC + result + signature

    def open_receipt(self, receipt: bytes, header_tag: bytes) -> bool:
        """Whether the frame with that header tag was delivered. FrameRefused unless this is the answer to it."""
        for delivered in (True, False):
            if hmac.compare_digest(receipt, self.receipt(header_tag, delivered)):
                return delivered
        raise FrameRefused(Refusal.UNSIGNED, "an answer to another frame")


def header_tag(frame: bytes) -> bytes:
    """The header tag in a sealed frame."""
    return frame[HEADER_BYTES - _TAG_BYTES : HEADER_BYTES]
