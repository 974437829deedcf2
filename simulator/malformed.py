"""Byte sequences that a WebSocket server must never send (RFC 6455), by name.

Each variant is what is sent after a good opening handshake; `expected_close` says which code the client
should answer with (RFC 6455 §7.4.1).
"""

import struct
from dataclasses import dataclass

TEXT, CLOSE, PING = 0x1, 0x8, 0x9
CONTINUATION = 0x0


def frame(first: int, payload: bytes = b"", *, masked: bool = False) -> bytes:
    """One frame; `first` is its whole first byte (FIN, RSV, opcode), so that any of it can be wrong."""
    mask_bit = 0x80 if masked else 0
    if len(payload) < 126:
        head = struct.pack("!BB", first, mask_bit | len(payload))
    elif len(payload) < 2**16:
        head = struct.pack("!BBH", first, mask_bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, len(payload))
    # A mask of zeros leaves the payload as it is.
    return head + (b"\0\0\0\0" if masked else b"") + payload


def declared_header(length_bytes: int) -> bytes:
    """The header of one binary frame that declares `length_bytes`, whatever follows."""
    return struct.pack("!BBQ", 0x82, 127, length_bytes)


@dataclass(frozen=True, slots=True)
class Variant:
    """What is sent, and the close code that a strict client answers with."""

    sent: bytes
    expected_close: int


VARIANTS: dict[str, Variant] = {
    "rsv1": Variant(frame(0xC1, b"x"), 1002),
    "rsv2": Variant(frame(0xA1, b"x"), 1002),
    "rsv3": Variant(frame(0x91, b"x"), 1002),
    "bad_opcode": Variant(frame(0x83, b"x"), 1002),
    "bad_control_opcode": Variant(frame(0x8B), 1002),
    "masked": Variant(frame(0x80 | TEXT, b"x", masked=True), 1002),
    "fragmented_control": Variant(frame(PING, b"x"), 1002),
    "long_control": Variant(frame(0x80 | PING, b"x" * 126), 1002),
    "interleaved": Variant(frame(TEXT, b"one") + frame(0x80 | TEXT, b"two"), 1002),
    "lone_continuation": Variant(frame(0x80 | CONTINUATION, b"x"), 1002),
    "invalid_utf8": Variant(frame(0x80 | TEXT, b"\xff\xfe"), 1007),
    "invalid_utf8_split": Variant(frame(TEXT, b"\xe2\x82") + frame(0x80 | CONTINUATION, b"\x20"), 1007),
    "bad_close_code": Variant(frame(0x80 | CLOSE, struct.pack("!H", 1005)), 1002),
    "one_byte_close": Variant(frame(0x80 | CLOSE, b"\x03"), 1002),
    "invalid_utf8_close": Variant(frame(0x80 | CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    "long_close": Variant(frame(0x80 | CLOSE, struct.pack("!H", 1000) + b"x" * 124), 1002),
}

# Wrong answers to the opening handshake: a wrong Sec-WebSocket-Accept, 101 without an Upgrade header,
# something that is no HTTP at all, and headers without end.
HANDSHAKES = ("wrong_accept", "no_upgrade", "garbage", "endless_headers")
