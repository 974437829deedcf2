"""Opaque cursors: clients hand back what they were given, and learn nothing from it."""

import base64
import binascii

from web.errors import ApiError

NOT_OURS = (
    "is not one that this list gave out (allowed: a cursor from its answers; without one it starts anew)"
)


def encode(kind: str, position: str | int) -> str:
    """`kind` keeps a cursor of one list from being used on another."""
    return base64.urlsafe_b64encode(f"{kind}:{position}".encode()).decode().rstrip("=")


def decode(kind: str, cursor: str, where: str = "after") -> str:
    """The position inside; raises ApiError(invalid_cursor) for anything that `encode` did not make.

    `where`: the query field or header that the cursor came in.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found, _, position = raw.decode().partition(":")
    except (binascii.Error, ValueError):
        raise invalid(where, cursor, NOT_OURS) from None
    if found != kind or not position:
        raise invalid(where, cursor, NOT_OURS)
    return position


def decode_number(kind: str, cursor: str, where: str = "after") -> int:
    position = decode(kind, cursor, where)
    if not (position.isascii() and position.isdigit() and len(position) < 19):
        raise invalid(where, cursor, NOT_OURS)
    return int(position)


def invalid(where: str, cursor: str, why: str) -> ApiError:
    """400 that names the field or header, the cursor found there and what is allowed instead."""
    text = f"the cursor {cursor[:64]!r} {why}"
    details = [{"field": where, "message": text}]
    return ApiError("invalid_cursor", f"{where}: {text}", details=details)
