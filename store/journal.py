"""The journal: every application event of every instance once, in one order, under numbers that never come back.

One writer numbers and appends; readers have engines of their own. All events of `append` are one transaction.
"""

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    delete,
    insert,
    select,
    tuple_,
    update,
)

from core.records import JournalEvent, StoredEvent
from store.database import give_back, open_noting, reading, sqlite_path, writing
from store.journalviews import GAP, counter, read_events
from store.opening import Opened, settled, was_set_aside
from store.schema import JOURNAL, counters, events, sealed, streams

# What an event takes beside its texts: numbers, times, its entry in the index.
ROW_BYTES = 80
# How SQLite lays rows out: a page of PAGE_BYTES takes whole rows; of a row longer than LONGEST, pages of SPILL_BYTES
# are split off until the rest is at least SHORTEST (sqlite.org/fileformat2.html §1.6).
PAGE_BYTES, SPILL_BYTES, LONGEST, SHORTEST = 4096, 4092, 4061, 489
TRIM_CHUNK = 1000
TRIM_CHUNKS = 20

InstanceBatch = tuple[str, str, Sequence[StoredEvent]]
Key = tuple[str, str]


def open_journal(url: str, now: float, *, aside: Path | None = None, recreate: bool = False) -> "Journal":
    """The journal for its one writer; see `store.database.open_database` for its errors.

    A journal in place of a damaged one, new or restored from a copy, goes on at a number above every earlier one (epoch
    milliseconds): no number names two events, and a reader's cursor into what was lost is known as such.
    """
    path = sqlite_path(url)
    engine, opened = open_noting(url, JOURNAL, now, aside=aside, recreate=recreate)
    journal = Journal(engine)
    try:
        replaces = path is not None and journal.last_number() == 0 and was_set_aside(path, aside)
        if opened is Opened.RESTORED or replaces:
            journal.skip_to(int(now * 1000))
            journal.replaces = True
        if path is not None and opened is Opened.RESTORED:
            settled(path)
    except BaseException:
        journal.close()
        raise
    return journal


class Journal:
    """The writer's side. Raises StoreFailed; then nothing of the call happened."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Opened in place of a damaged one, whose last events may be lost.
        self.replaces = False

    def append(self, batches: Sequence[InstanceBatch], stored_at: float) -> int:
        """Store what is new in these (instance, stream, events) in this order; returns the last number given out.

        Events up to a stream's high-water mark are duplicates and dropped. `stored_at`: epoch seconds.
        """
        with writing(self._engine) as db:
            last, total = counter(db, "last_number"), counter(db, "total_bytes")
            marks = _marks(db, {(instance_id, stream) for instance_id, stream, _ in batches})
            before = dict(marks)
            rows: list[dict[str, Any]] = []
            for instance_id, stream, batch in batches:
                for event in sorted(batch, key=lambda event: event.number):
                    if event.number > marks.get((instance_id, stream), 0):
                        marks[instance_id, stream] = event.number
                        last += 1
                        rows.append(_row(last, instance_id, event, stored_at))
            if rows:
                db.execute(insert(events), rows)
                _set_marks(db, before, marks)
                _set_counter(db, "last_number", last)
                _set_counter(db, "total_bytes", total + sum(_size(row) for row in rows))
            return last

    def read(
        self,
        after: int,
        limit: int,
        instance_id: str | None = None,
        kinds: Collection[str] | None = None,
    ) -> list[JournalEvent]:
        """At most `limit` events with numbers above `after`, in order; only of this instance and these kinds."""
        with reading(self._engine) as db:
            return read_events(db, after, limit, None if instance_id is None else {instance_id}, kinds)

    def last_number(self) -> int:
        """The last number given out, 0 before the first; also when its event is gone."""
        with reading(self._engine) as db:
            return counter(db, "last_number")

    def skip_to(self, number: int) -> None:
        """Give out only numbers above this one from now on; lower than the last one given out: nothing happens.

        The numbers between stay known as lost.
        """
        with writing(self._engine) as db:
            if number > (last := counter(db, "last_number")):
                _set_counter(db, f"{GAP}{number}", last)
                _set_counter(db, "last_number", number)

    @property
    def trimmed_at_most(self) -> int:
        """How many events one `trim` drops."""
        return TRIM_CHUNK * TRIM_CHUNKS

    def trim(self, now: float, retain_days: float, max_bytes: int) -> int:
        """Drop events from the oldest on that are older than `retain_days` or do not fit into `max_bytes`.

        Returns how many; at most `trimmed_at_most` per call, so that appending never waits long: call again when it
        did that.
        """
        dropped = 0
        for _ in range(TRIM_CHUNKS):
            with writing(self._engine) as db:
                count = _trim_chunk(db, now - retain_days * 86_400, max_bytes)
            dropped += count
            if count < TRIM_CHUNK:
                break
        if dropped:
            give_back(self._engine)
        return dropped

    def close(self) -> None:
        self._engine.dispose()


def _row(number: int, instance_id: str, event: StoredEvent, stored_at: float) -> dict[str, Any]:
    fields = (number, instance_id, event.kind, float(event.at), float(stored_at), event.data)
    return dict(zip(events.c.keys(), (*fields, sealed(*fields)), strict=True))


def _size(row: dict[str, Any]) -> int:
    """About what a row takes on disk, the rest of a page that no other row fits into included."""
    size = len(row["data"]) + len(row["kind"]) + 2 * len(row["instance_id"]) + ROW_BYTES
    spilled = 0 if size <= LONGEST else (size - SHORTEST) // SPILL_BYTES
    kept = size - spilled * SPILL_BYTES
    if kept > LONGEST:
        spilled, kept = spilled + 1, SHORTEST
    return spilled * PAGE_BYTES + PAGE_BYTES // (PAGE_BYTES // kept)


def _trim_chunk(db: Connection, oldest: float, max_bytes: int) -> int:
    """Drop the old ones among the first rows; returns how many."""
    total, last = counter(db, "total_bytes"), None
    count = 0
    found = db.execute(select(events).order_by(events.c.number).limit(TRIM_CHUNK))
    with contextlib.closing(found) as rows:
        for row in rows.mappings():  # one at a time: all of them may be more than the process can hold
            if row["stored_at"] >= oldest and total <= max_bytes:
                break
            total, last, count = total - _size(dict(row)), row["number"], count + 1
    if last is not None:
        db.execute(delete(events).where(events.c.number <= last))
        _set_counter(db, "total_bytes", max(0, total))
    return count


def _set_counter(db: Connection, name: str, value: int) -> None:
    values = {"name": name, "value": value, "crc": sealed(name, value)}
    if not db.execute(update(counters).where(counters.c.name == name).values(values)).rowcount:
        db.execute(insert(counters).values(values))


def _marks(db: Connection, keys: set[Key]) -> dict[Key, int]:
    """The high-water marks of these streams; streams never seen are missing."""
    statement = select(streams).where(tuple_(streams.c.instance_id, streams.c.stream).in_(list(keys)))
    return {(row.instance_id, row.stream): row.up_to for row in db.execute(statement)}


def _set_marks(db: Connection, before: dict[Key, int], after: dict[Key, int]) -> None:
    new: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    for (instance_id, stream), up_to in after.items():
        crc = sealed(instance_id, stream, up_to)
        if (instance_id, stream) not in before:
            new.append({"instance_id": instance_id, "stream": stream, "up_to": up_to, "crc": crc})
        elif before[instance_id, stream] != up_to:
            moved.append({"i": instance_id, "s": stream, "up_to": up_to, "crc": crc})
    if new:
        db.execute(insert(streams), new)
    if moved:
        which = (streams.c.instance_id == bindparam("i")) & (streams.c.stream == bindparam("s"))
        db.execute(update(streams).where(which), moved)
