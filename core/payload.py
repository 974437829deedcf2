"""How a plain WebSocket's messages are encoded: text, JSON, msgpack or binary.

`encode` turns what the API accepts into the bytes of one WebSocket message; `decode` turns a received message into
JSON-able data. msgpack's functions are passed in, for core has the standard library only.
"""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from core.instances import Payload

Pack = Callable[[Any], bytes]
Unpack = Callable[[bytes], Any]


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
            return _utf8(json.dumps(content, separators=(",", ":"), ensure_ascii=False))
        case Payload.MSGPACK:
            return _packed(content, pack)


def decode(payload: Payload, data: bytes | str, unpack: Unpack) -> Any:
    """A received message as JSON-able data; raises InvalidContent when it is not of the payload's form.

    Binary comes back as base64, and so do the bytes inside msgpack.
    """
    raw = data.encode() if isinstance(data, str) else data
    match payload:
        case Payload.TEXT:
            return raw.decode(errors="replace")
        case Payload.BINARY:
            return to_base64(raw)
        case Payload.JSON:
            return _from_json(raw)
        case Payload.MSGPACK:
            return _from_msgpack(raw, unpack)


def is_text(payload: Payload) -> bool:
    """Whether messages of this payload travel in text frames."""
    return payload in (Payload.TEXT, Payload.JSON)


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
    try:
        return pack(content)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidContent(f"content cannot be packed as msgpack: {error}") from None


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _from_json(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise InvalidContent("message is not JSON") from None


def _from_msgpack(raw: bytes, unpack: Unpack) -> Any:
    try:
        return _jsonable(unpack(raw))
    # A malformed message is the peer's fault, whatever the unpacker raises for it.
    except Exception:
        raise InvalidContent("message is not msgpack") from None


def _jsonable(value: Any) -> Any:
    """msgpack's values with what JSON lacks made plain: bytes as base64, keys as strings, extension types as text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return to_base64(value)
        case dict():
            return {str(key): _jsonable(item) for key, item in value.items()}
        case list() | tuple():
            return [_jsonable(item) for item in value]
        case _:
            return str(value)
