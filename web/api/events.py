"""The event journal: pages, or a stream (SSE) when the client accepts text/event-stream."""

import re
from dataclasses import dataclass
from typing import Any

from core.records import JournalEvent
from web import cursor
from web.answer import Answer, dumps, page, rfc3339
from web.api import instances, paging
from web.call import Call
from web.errors import ApiError, invalid
from web.events import EventStream
from web.site import Site

EVENT_STREAM = "text/event-stream"
ZERO = re.compile(r"q\s*=\s*0(\.0*)?")
MAX_NAMES = 100
# Data of one page, and of what a stream sends in one go: an event can be as large as its message, and on the way out
# several copies of it are in memory.
PAGE_BYTES = 8 * 1024 * 1024
BATCH_BYTES = 1024 * 1024
BEYOND = (
    "lies beyond the journal's end (allowed: the `id` of an event of this server or the `next` of a page; "
    "start without it)"
)
LOST = (
    "belongs to a journal that was damaged, and events behind it may be lost (allowed: the `id` of an event of this "
    "server or the `next` of a page; start without it)"
)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """None = any."""

    instances: frozenset[str] | None
    kinds: frozenset[str] | None


def all_events(site: Site, call: Call) -> Answer:
    """Filters: instance and kind, each a list with commas. A token sees the events of its instances only."""
    query = paging.checked_query(call, "instance", "kind")
    wanted = _names(query, "instance")
    own = call.principal.instances
    visible = own if wanted is None else wanted if own is None else wanted & own
    return _answer(site, call, query, EventFilter(visible, _names(query, "kind")))


def instance_events(site: Site, call: Call) -> Answer:
    """Filter: kind."""
    query = paging.checked_query(call, "kind")
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    return _answer(site, call, query, EventFilter(frozenset({instance_id}), _names(query, "kind")))


def _names(query: paging.ListQuery, field: str) -> frozenset[str] | None:
    text = query.filters.get(field)
    if text is None:
        return None
    names = frozenset(name for name in text.split(",") if name)
    if not 1 <= len(names) <= MAX_NAMES:
        raise invalid((field, f"must be 1 to {MAX_NAMES} names with commas between them"))
    return names


def _answer(site: Site, call: Call, query: paging.ListQuery, only: EventFilter) -> Answer:
    if accepts_stream(call.headers.get("accept", "")):
        return _stream(site, call, query, only)
    after = 0 if query.after is None else _position(site, query.after, "after")
    found = site.history.events(after, query.limit, only.instances, only.kinds, PAGE_BYTES)
    following = cursor.encode("e", found.items[-1].number) if found.more else None
    total = site.history.count_events(only.instances, only.kinds)
    return page([shown(event) for event in found.items], following, total)


def accepts_stream(accept: str) -> bool:
    """True when the header names text/event-stream; the weight 0 means "not acceptable" (RFC 9110 §12.4.2)."""
    for part in accept.lower().split(","):
        media, *parameters = (piece.strip() for piece in part.split(";"))
        if media == EVENT_STREAM and not any(ZERO.fullmatch(one) for one in parameters):
            return True
    return False


def _stream(site: Site, call: Call, query: paging.ListQuery, only: EventFilter) -> Answer:
    """From behind Last-Event-ID, or `after`, or from now on."""
    last_id = call.headers.get("last-event-id")
    given, where = (last_id, "Last-Event-ID") if last_id else (query.after, "after")
    after = None if given is None else _position(site, given, where)
    if call.method == "HEAD":
        return Answer(content_type=EVENT_STREAM)
    release = site.streams.take()
    if release is None:
        raise ApiError(
            "streams_full",
            f"All {site.streams.limit} event streams are in use; poll this path without the Accept header, or wait",
            headers={"Retry-After": "10"},
        )
    stream = EventStream(
        site.model,
        lambda position, limit: site.history.events(position, limit, only.instances, only.kinds, BATCH_BYTES),
        frame,
        after=after,
        start=site.history.last_event,
        allowed=lambda: site.auth.still_valid(call.principal),
        left=call.client_left,
        release=release,
    )
    return Answer(content_type=EVENT_STREAM, headers=(("X-Accel-Buffering", "no"),), stream=stream)


def _position(site: Site, given: str, where: str) -> int:
    """The journal number in a cursor; all instances share one journal, hence one end.

    A number beyond the end comes from another data folder: waiting for it would be silence, perhaps for ever.
    """
    number = cursor.decode_number("e", given, where)
    # What was announced counts too: a journal that is made anew knows its numbers only a moment later.
    if number > max(site.history.last_event(), site.model.journal_number):
        raise cursor.invalid(where, given, BEYOND)
    if site.history.is_lost(number):
        raise cursor.invalid(where, given, LOST)
    return number


def shown(event: JournalEvent) -> dict[str, Any]:
    """`id` is the cursor of this event: hand it back as `after` or Last-Event-ID to go on behind it."""
    return {
        "id": cursor.encode("e", event.number),
        "instance_id": event.instance_id,
        "kind": event.kind,
        "at": rfc3339(event.at),
        "data": dict(event.data),
    }


def frame(event: JournalEvent) -> bytes:
    """One SSE message; JSON has no line break of its own, so one data line is enough."""
    return b"id: %b\ndata: %b\n\n" % (cursor.encode("e", event.number).encode(), dumps(shown(event)))
