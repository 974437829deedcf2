"""How a plain WebSocket's messages are encoded: text, JSON, msgpack or binary.

`encode` turns what the API accepts into the bytes of one WebSocket message; `decode` turns a received message into
JSON-able data. msgpack's functions are passed in, for core has the standard library only.
"""

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, assert_never

from core.elements import crowded_json, crowded_msgpack, json_bytes
from core.instances import Payload

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]

# Deeper messages are refused on arrival: everything behind this must be able to walk what it is given.
MAX_DEPTH = 64
# Beyond these a message is not parsed: what it becomes must fit into an instance's process, its event into a frame
# between actors. Values are counted with keys, commas and colons; 16 MiB of text that is not ASCII fit.
MAX_ELEMENTS = 500_000
MAX_JSON_BYTES = 52 * 1024 * 1024

SURROGATES = re.compile("[\ud800-\udfff]")


class InvalidContent(ValueError):
    """Content that the instance's payload cannot carry; the text says what is allowed."""


def encode(payload: Payload, content: Any, pack: Pack) -> bytes:
    """The bytes of one message. Text takes a string, binary a base64 string, JSON and msgpack any JSON value."""
    match payload:
        case Payload.TEXT:
            if not isinstance(content, str):
                raise InvalidContent("content must be a string (the instance's payload is text)")
            return _utf8(content)
        case Payload.BINARY:
            return _base64(content)
        case Payload.JSON:
            return _utf8(_to_json(content))
        case Payload.MSGPACK:
            return _packed(content, pack)
    assert_never(payload)


def decode(payload: Payload, data: bytes | str, unpack: Unpack) -> Any:
    """A received message as JSON-able data; raises InvalidContent when it is not of the payload's form.

    What stores and clients cannot hold is made plain: bytes become base64, lone surrogates U+FFFD, msgpack's extension
    types [code, base64], and keys, integers beyond 64 bits, NaN, infinity and timestamps text. Nesting is limited to
    MAX_DEPTH, the number of values to MAX_ELEMENTS, their length as JSON to MAX_JSON_BYTES.
    """
    raw = to_bytes(data)
    match payload:
        case Payload.TEXT:
            return _fitting(raw.decode(errors="replace"), len(raw))
        case Payload.BINARY:
            return to_base64(raw)
        case Payload.JSON:
            return _from_json(raw)
        case Payload.MSGPACK:
            return _from_msgpack(raw, unpack)
    assert_never(payload)


def is_text(payload: Payload) -> bool:
    """Whether messages of this payload travel in text frames."""
    return payload in (Payload.TEXT, Payload.JSON)


def to_bytes(data: bytes | str) -> bytes:
    """A received message's bytes."""
    return data.encode(errors="replace") if isinstance(data, str) else data


def to_base64(raw: bytes) -> str:
    """Bytes as JSON carries them."""
    return base64.b64encode(raw).decode()


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidContent("content must be valid Unicode (it holds a lone surrogate)") from None


def _base64(content: Any) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InvalidContent("content must be a base64 string (the instance's payload is binary)") from None


def _packed(content: Any, pack: Pack) -> bytes:
    # Whatever the packer would let through: the same values are content in both payloads.
    _utf8(_to_json(content))
    try:
        return pack(content)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidContent(f"content cannot be packed as msgpack: {error}") from None


def _to_json(content: Any) -> str:
    try:
        return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidContent(
            "content must be a JSON value (no NaN or infinity, not nested hundreds of levels deep)"
        ) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


def _too_many() -> InvalidContent:
    return InvalidContent(f"message has more than {MAX_ELEMENTS} values")


def _fitting(content: Any, raw_bytes: int) -> Any:
    # An invalid byte or a control character is six characters in JSON, nothing is more: short messages need no count.
    if raw_bytes * 6 > MAX_JSON_BYTES and sum(map(_json_bytes, _texts(content))) > MAX_JSON_BYTES:
        raise InvalidContent(f"message is longer than {MAX_JSON_BYTES} bytes as JSON")
    return content


def _json_bytes(text: str) -> int:
    return json_bytes(text.encode())


def _texts(plain: Any) -> Iterator[str]:
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, dict):
        yield from plain
        for item in plain.values():
            yield from _texts(item)
    elif isinstance(plain, list):
        for item in plain:
            yield from _texts(item)


def _from_json(raw: bytes) -> Any:
    if crowded_json(raw, MAX_ELEMENTS):
        raise _too_many()
    try:
        content = json.loads(raw, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise InvalidContent("message is not JSON") from None
    return _fitting(_plain(content, MAX_DEPTH), len(raw))


def _from_msgpack(raw: bytes, unpack: Unpack) -> Any:
    if crowded_msgpack(raw, MAX_ELEMENTS):
        raise _too_many()
    try:
        content = unpack(raw)
    except MemoryError:
        raise
    # A malformed message is the peer's fault, whatever else the unpacker raises for it.
    except Exception:
        raise InvalidContent("message is not msgpack") from None
    return _fitting(_plain(content, MAX_DEPTH), len(raw))


def _plain(value: Any, levels: int) -> Any:
    """What every store, journal and client can hold: see `decode` for what becomes of the rest."""
    match value:
        case None | bool():
            return value
        case str():
            return SURROGATES.sub("\ufffd", value)
        case int():
            return value if -(1 << 63) <= value < 1 << 64 else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case bytes():
            return to_base64(value)
        case dict() | list() | tuple() if levels == 0:
            raise InvalidContent(f"message is nested more than {MAX_DEPTH} levels deep")
        case dict():
            return _plain_keys(value, levels - 1)
        case list() | tuple():
            return [_plain(item, levels - 1) for item in value]
        case _:
            return str(value)


def _plain_keys(value: dict[Any, Any], levels: int) -> dict[str, Any]:
    plain = {_key(key): _plain(item, levels) for key, item in value.items()}
    if len(plain) < len(value):
        raise InvalidContent("message has keys that are the same as text")
    return plain


def _key(key: Any) -> str:
    return str(_plain(key, 0)) if isinstance(key, str | bytes) else str(key)
