"""Reading the journal: pages of events, and what is known of its numbers."""

import contextlib
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from core.elements import crowded_json
from core.payload import MAX_ELEMENTS
from core.records import JournalEvent
from store.codec import from_json
from store.paging import EventPage
from store.schema import counters, events, sealed

# A counter `gap:TO` with the value FROM: no event has or had a number above FROM up to TO in this journal.
GAP = "gap:"
DAMAGED_KIND = "journal.damaged"
# A message within payload.MAX_ELEMENTS has at most three times as many as JSON; earlier programs stored any number.
MAX_READ_ELEMENTS = 4 * MAX_ELEMENTS


def read_events(
    db: Connection,
    after: int,
    limit: int,
    instances: Collection[str] | None = None,
    kinds: Collection[str] | None = None,
) -> list[JournalEvent]:
    """At most `limit` events above `after`, in order; only of these instances and kinds, None = of all."""
    return list(read_page(db, after, limit, instances, kinds).items)


def read_page(
    db: Connection,
    after: int,
    limit: int,
    instances: Collection[str] | None = None,
    kinds: Collection[str] | None = None,
    max_bytes: int | None = None,
) -> EventPage:
    """As `read_events`, at least one and then only as many as fit into `max_bytes` of data, None = any number.

    A row whose checksum does not fit comes as kind `journal.damaged` without data.
    """
    # The numbers come from an index alone; only the rows of the page are read.
    numbers = (
        select(events.c.number)
        .where(events.c.number > after, *_matching(instances, kinds))
        .order_by(events.c.number)
        .limit(limit + 1)
    )
    statement = select(events).where(events.c.number.in_(numbers)).order_by(events.c.number)
    found: list[JournalEvent] = []
    left = max_bytes
    with contextlib.closing(db.execute(statement)) as rows:
        for row in rows:  # one at a time: all of them could be hundreds of times what fits
            left = None if left is None else left - len(row.data)
            if len(found) >= limit or (found and left is not None and left < 0):
                return EventPage(tuple(found), True)
            found.append(_event(row))
    return EventPage(tuple(found), False)


def count_events(
    db: Connection, instances: Collection[str] | None = None, kinds: Collection[str] | None = None
) -> int:
    """How many events of these instances and kinds can be read."""
    statement = select(func.count()).select_from(events).where(*_matching(instances, kinds))
    return int(db.execute(statement).scalar_one())


def _matching(instances: Collection[str] | None, kinds: Collection[str] | None) -> list[ColumnElement[bool]]:
    wanted = ((events.c.instance_id, instances), (events.c.kind, kinds))
    return [column.in_(list(values)) for column, values in wanted if values is not None]


def first_number(db: Connection) -> int | None:
    """The oldest number that can be read, None when there is no event."""
    return db.execute(select(events.c.number).order_by(events.c.number).limit(1)).scalar()


def last_number(db: Connection) -> int:
    """The last number given out, 0 before the first."""
    return counter(db, "last_number")


def _event(row: Any) -> JournalEvent:
    if row.crc != sealed(row.number, row.instance_id, row.kind, row.at, row.stored_at, row.data):
        return JournalEvent(row.number, str(row.instance_id), DAMAGED_KIND, {}, 0.0)
    return JournalEvent(row.number, row.instance_id, row.kind, _data(row.data), row.at)


def _data(text: str) -> Mapping[str, Any]:
    """An event's data; as text, under `json`, when reading it would take too much of the reader's memory."""
    if crowded_json(text.encode(), MAX_READ_ELEMENTS):
        return {"json": text}
    data: dict[str, Any] = from_json(text)
    return data


def is_lost(db: Connection, number: int) -> bool:
    """Whether this number was given out, if ever, by a journal that this one replaced, and is not in this one."""
    rows = db.execute(select(counters).where(counters.c.name.startswith(GAP, autoescape=True)))
    return any(row.value < number <= int(row.name.removeprefix(GAP)) for row in rows)


def counter(db: Connection, name: str) -> int:
    """One of the journal's counters, 0 when it was never set."""
    return int(db.execute(select(counters.c.value).where(counters.c.name == name)).scalar() or 0)
