"""How values become bytes in the stores, and how damage to them is noticed.

msgpack for session files, JSON (pure ASCII, so that any database takes it) for registry and journal. Every row
carries the CRC-32 of its other columns: SQLite's own check sees broken structure, but not a flipped bit in a value.
"""

import json
import zlib
from typing import Any, NoReturn

import msgpack

# From here on msgpack gives the length of bytes in four bytes.
LONG_BYTES = 1 << 16


class Unstorable(ValueError):
    """A value that msgpack or JSON cannot hold, such as one nested hundreds of levels deep."""


class Undecodable(ValueError):
    """Bytes that `packb` or `to_json` did not write."""


def packb(value: Any) -> bytes:
    """msgpack of plain values: strings (lone surrogates survive), bytes, 64-bit integers, floats, lists, dicts."""
    try:
        packed: bytes = msgpack.packb(value, use_bin_type=True, unicode_errors="surrogatepass")
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unstorable(f"value cannot be stored: {error}") from None
    return packed


def unpackb(data: bytes) -> Any:
    """The inverse of `packb` (tuples come back as lists); raises Undecodable.

    A declared length beyond the data's is refused, so damaged bytes cost no memory.
    """
    try:
        return msgpack.unpackb(
            data, ext_hook=_no_ext, raw=False, strict_map_key=False, unicode_errors="surrogatepass"
        )
    except MemoryError:
        raise  # says nothing about the bytes, and a file that is taken for damaged is set aside
    # The unpacker has many ways to refuse damaged bytes; all mean the same here.
    except Exception as error:
        raise Undecodable(f"stored bytes are not msgpack: {type(error).__name__}") from None


def to_json(value: Any) -> str:
    """Compact ASCII JSON."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unstorable(f"value cannot be stored: {error}") from None


def from_json(text: str) -> Any:
    """The inverse of `to_json`; raises Undecodable."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Undecodable("stored text is not JSON") from None


def checksum(*fields: str | int | float | bytes | None) -> int:
    """CRC-32 of a row's columns, in order, as `packb` writes them; a long column is not copied for it."""
    if not any(isinstance(field, bytes) and len(field) >= LONG_BYTES for field in fields):
        return zlib.crc32(packb(fields))
    crc = zlib.crc32(msgpack.Packer().pack_array_header(len(fields)))
    for field in fields:
        if isinstance(field, bytes) and len(field) >= LONG_BYTES:
            crc = zlib.crc32(field, zlib.crc32(b"\xc6" + len(field).to_bytes(4, "big"), crc))
        else:
            crc = zlib.crc32(packb(field), crc)
    return crc


def _no_ext(code: int, data: bytes) -> NoReturn:
    raise Undecodable(f"extension type {code}")
