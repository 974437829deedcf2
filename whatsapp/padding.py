"""Padding of plaintexts (protocol §11.4): n bytes of value n behind the message, n random in 1..15."""

from whatsapp.errors import MessageFormatError
from whatsapp.keys import Rng

MAX_PADDING = 16  # one other client pads up to 16; readers drop whatever the last byte says


def pad(message: bytes, rng: Rng) -> bytes:
    """The plaintext for a Signal or sender key message."""
    count = rng(1)[0] % 15 + 1
    return message + bytes([count]) * count


def unpad(plaintext: bytes) -> bytes:
    """The message inside; MessageFormatError when the last byte cannot be a padding length."""
    count = plaintext[-1] if plaintext else 0
    if not 0 < count <= len(plaintext):
        raise MessageFormatError(f"plaintext of {len(plaintext)} bytes with padding of {count}")
    return plaintext[:-count]
