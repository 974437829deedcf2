"""How values become bytes in the stores, and how damage to them is noticed.

msgpack for session files, JSON (pure ASCII, so that any database takes it) for registry and journal. Every row
carries the CRC-32 of its other columns: SQLite's own check sees broken structure, but not a flipped bit in a value.
"""

import json
import zlib
from typing import Any

import msgpack

BIG_INT = 1  # msgpack extension type: an integer beyond 64 bits, two's complement, big endian


class Unstorable(ValueError):
    """A value that msgpack or JSON cannot hold, such as one nested hundreds of levels deep."""


class Undecodable(ValueError):
    """Bytes that `packb` or `to_json` did not write."""


def packb(value: Any) -> bytes:
    """msgpack of a JSON-able value or bytes; integers of any size and lone surrogates survive."""
    try:
        packed: bytes = msgpack.packb(
            value, default=_big_int, use_bin_type=True, unicode_errors="surrogatepass"
        )
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise Unstorable(f"value cannot be stored: {error}") from None
    return packed


def unpackb(data: bytes) -> Any:
    """The inverse of `packb` (tuples come back as lists); raises Undecodable. Lengths are bounded by the data's."""
    try:
        return msgpack.unpackb(
            data, ext_hook=_from_ext, raw=False, strict_map_key=False, unicode_errors="surrogatepass"
        )
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
    """CRC-32 of a row's columns, in order."""
    return zlib.crc32(packb(fields))


def _big_int(value: Any) -> Any:
    if isinstance(value, int):
        return msgpack.ExtType(BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
    raise TypeError(f"{type(value).__name__} is not JSON-able")


def _from_ext(code: int, data: bytes) -> int:
    if code != BIG_INT:
        raise Undecodable(f"unknown extension type {code}")
    return int.from_bytes(data, "big", signed=True)
