"""Pages of a list that is read newest first, with opaque cursors. No SQLAlchemy."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.records import JournalEvent
from store.errors import BadCursor

Item = TypeVar("Item")
LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """`items`: newest first; `next`: cursor of the following page, None on the last; `total`: without paging."""

    items: tuple[Item, ...]
    next: str | None
    total: int


@dataclass(frozen=True, slots=True)
class EventPage:
    """Journal events, oldest first. `more`: there are further ones behind the last."""

    items: tuple[JournalEvent, ...]
    more: bool


def encode_cursor(name: str, number: int) -> str:
    """The cursor of list `name` after the row `number`."""
    return base64.urlsafe_b64encode(f"{name}:{number}".encode()).decode().rstrip("=")


def decode_cursor(name: str, cursor: str | None) -> int:
    """The row number in a cursor of list `name`; above every number for None. Raises BadCursor."""
    if cursor is None:
        return LAST
    try:
        raw = base64.b64decode(f"{cursor}{'=' * (-len(cursor) % 4)}", altchars=b"-_", validate=True)
        found, number = raw.decode().split(":")
        if found != name or not number.isdecimal() or len(number) > 18:
            raise BadCursor
        return int(number)
    except (binascii.Error, ValueError, UnicodeError):
        raise BadCursor from None


def make_page(name: str, rows: Sequence[tuple[int, Item]], limit: int, total: int) -> Page[Item]:
    """A page of numbered rows, of which one more than `limit` was asked for to see whether there is a next."""
    shown = rows[:limit]
    following = encode_cursor(name, shown[-1][0]) if len(rows) > limit and shown else None
    return Page(tuple(item for _, item in shown), following, total)
