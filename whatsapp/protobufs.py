"""Parsing protobuf messages from the peer: bounded, and with one kind of error.

Fields that the schemas do not name are kept by the library and written again by `SerializeToString`, so a message
can be passed on whole. Strings must be UTF-8; nesting is limited to 100 levels by the library.
"""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from whatsapp.errors import MessageFormatError, StateCorrupt

MAX_PROTOBUF_BYTES = 1 << 24  # no frame is larger

M = TypeVar("M", bound=Message)


def parse(kind: type[M], data: bytes, *, limit_bytes: int = MAX_PROTOBUF_BYTES) -> M:
    """The message in `data`; MessageFormatError when it is too long or is not one."""
    if len(data) > limit_bytes:
        raise MessageFormatError(f"{kind.__name__} of {len(data)} bytes, at most {limit_bytes}")
    try:
        return kind.FromString(data)
    except (DecodeError, UnicodeDecodeError):
        raise MessageFormatError(f"{kind.__name__} of {len(data)} bytes cannot be parsed") from None


def parse_stored(kind: type[M], data: bytes) -> M:
    """A record of our own from the store; StateCorrupt when it is not one."""
    try:
        return kind.FromString(data)
    except (DecodeError, UnicodeDecodeError):
        raise StateCorrupt(f"stored {kind.__name__} of {len(data)} bytes cannot be read") from None
