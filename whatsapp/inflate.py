"""zlib with a limit on what comes out, against bombs."""

import zlib

from whatsapp.errors import MessageFormatError

MAX_INFLATED_BYTES = 1 << 24


def inflate(data: bytes, limit_bytes: int = MAX_INFLATED_BYTES) -> bytes:
    """The whole decompressed stream; MessageFormatError when it is broken, unfinished or longer than the limit."""
    stream = zlib.decompressobj()
    try:
        inflated = stream.decompress(data, limit_bytes + 1)
    except zlib.error:
        raise MessageFormatError(f"{len(data)} compressed bytes cannot be inflated") from None
    if len(inflated) > limit_bytes:
        raise MessageFormatError(f"{len(data)} compressed bytes inflate to more than {limit_bytes}")
    if not stream.eof or stream.unused_data:
        raise MessageFormatError(f"{len(data)} compressed bytes are not one whole stream")
    return inflated
