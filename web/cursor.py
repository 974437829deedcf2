"""Opaque cursors: clients hand back what they were given, and learn nothing from it."""

import base64
import binascii

from web.errors import ApiError


def encode(kind: str, position: str | int) -> str:
    """`kind` keeps a cursor of one list from being used on another."""
    return base64.urlsafe_b64encode(f"{kind}:{position}".encode()).decode().rstrip("=")


def decode(kind: str, cursor: str) -> str:
    """The position inside; raises ApiError(invalid_cursor) for anything that `encode` did not make."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found, _, position = raw.decode().partition(":")
    except (binascii.Error, ValueError):
        raise _invalid() from None
    if found != kind or not position:
        raise _invalid()
    return position


def decode_number(kind: str, cursor: str) -> int:
    position = decode(kind, cursor)
    if not (position.isascii() and position.isdigit() and len(position) < 19):
        raise _invalid()
    return int(position)


def _invalid() -> ApiError:
    return ApiError("invalid_cursor", "The cursor is not one that this list gave out; start without it")
