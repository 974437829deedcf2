"""msgpack as plain WebSocket upstreams speak it, for `core.payload`: extension types and timestamps included.

`store.codec` is stricter: what it reads, it has written itself. No SQLAlchemy.
"""

from typing import Any

import msgpack


def pack(content: Any) -> bytes:
    """One message; raises TypeError, ValueError or OverflowError for what msgpack cannot carry."""
    packed: bytes = msgpack.packb(content, use_bin_type=True)
    return packed


def unpack(data: bytes) -> Any:
    """The content of one message, `msgpack.ExtType` and `msgpack.Timestamp` where the peer sent such.

    Raises whatever the unpacker finds wrong. A declared length beyond the data's is refused before anything is
    allocated.
    """
    return msgpack.unpackb(data, raw=False, strict_map_key=False, unicode_errors="surrogatepass")
