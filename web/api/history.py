"""What happened to an instance: its timeline and its crashes."""

from typing import Any

from core.records import CrashRecord, TimelineEntry
from web.answer import Answer, page, rfc3339
from web.api import instances, paging
from web.call import Call
from web.site import Site


def timeline(site: Site, call: Call) -> Answer:
    """Newest first: state, cause, chosen delay, next attempt, why not retrying."""
    query = paging.checked_query(call)
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    found = site.history.timeline(instance_id, query.after, query.limit)
    return page([_entry(entry) for entry in found.items], found.next, found.total)


def _entry(entry: TimelineEntry) -> dict[str, Any]:
    return {
        "at": rfc3339(entry.at),
        "event": entry.event,
        "state": entry.state,
        "cause": entry.cause,
        "delay_s": None if entry.delay_s is None else round(entry.delay_s, 3),
        "next_at": rfc3339(entry.next_at),
        "why_not": entry.why_not,
    }


def crashes(site: Site, call: Call) -> Answer:
    """Newest first."""
    query = paging.checked_query(call)
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    found = site.history.crashes(instance_id, query.after, query.limit)
    return page([_crash(one) for one in found.items], found.next, found.total)


def _crash(one: CrashRecord) -> dict[str, Any]:
    return {
        "at": rfc3339(one.at),
        "pid": one.pid,
        "cause": one.cause,
        "phase": one.phase,
        "stack": one.stack,
        "memory_bytes": one.memory_bytes,
    }
