"""The periodic sweep: what deadlines missed, found and counted. What it finds is decided here, others act.

A link that is older than its deadline is no proof: the machine may have been paused, or its report may be late. So
it is looked at twice, and convicted only when the second look, with newer reports, shows the very same stay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass

from core.config import Settings
from core.health import CONNECTING
from core.snapshot import InstanceSnapshot
from core.sweeps import Caught, Sweep

# How much longer than its deadline a link may take before it is looked at again, and how long after the first look.
GRACE_S = 10.0
SECOND_LOOK_S = 5.0
# `since` is counted back from a report's own clocks, which differ by a little from one to the next.
SAME_STAY_S = 1.0
# The fleet's snapshot names so many sessions without instance; the count tells of the rest.
NAMED_SESSIONS = 100


@dataclass(frozen=True, slots=True)
class Stay:
    """One link's stay in one state, of one process. `limit_s`: how long it may last."""

    pid: int
    state: str
    since: float
    limit_s: float


def due_at(one: InstanceSnapshot, settings: Settings) -> float | None:
    """When the link must have left its state, by its own deadline (epoch seconds); None: whenever it likes."""
    if one.link_state in CONNECTING:
        return one.deadline_at
    if one.link_state == "closing":
        return one.since + settings.transport.close_timeout_s
    return None


def overdue(instances: Iterable[InstanceSnapshot], settings: Settings, now: float) -> dict[str, Stay]:
    """The first look: links that are older than their deadline and the grace. `now`: epoch seconds."""
    found: dict[str, Stay] = {}
    for one in instances:
        due = due_at(one, settings)
        if one.pid is not None and due is not None and now > due + GRACE_S:
            found[one.instance_id] = Stay(one.pid, one.link_state, one.since, due - one.since)
    return found


def confirmed(suspects: Mapping[str, Stay], instances: Mapping[str, InstanceSnapshot]) -> dict[str, Stay]:
    """The second look: those that are still in the same stay."""
    return {
        instance_id: stay
        for instance_id, stay in suspects.items()
        if (one := instances.get(instance_id)) is not None and _same(stay, one)
    }


def _same(stay: Stay, one: InstanceSnapshot) -> bool:
    same_time = abs(one.since - stay.since) < SAME_STAY_S
    return one.pid == stay.pid and one.link_state == stay.state and same_time


def plus(one: Caught, other: Caught) -> Caught:
    """Both together."""
    return Caught(*(left + right for left, right in zip(astuple(one), astuple(other), strict=True)))


def told(sweep: Sweep) -> str:
    """The log line of a sweep: what it did, what it kept, what went wrong."""
    caught = sweep.caught
    parts = [
        text
        for count, text in (
            (caught.stale_links, f"{caught.stale_links} stale connections ended"),
            (caught.crash_records, f"{caught.crash_records} old crash records dropped"),
            (caught.crash_files, f"{caught.crash_files} old crash files removed"),
            (caught.events, f"{caught.events} old events dropped"),
            (sweep.orphan_count, f"{sweep.orphan_count} session files without instance kept"),
        )
        if count
    ]
    done = ", ".join(parts) or "nothing was left over"
    failed = "".join(f"; failed: {problem}" for problem in sweep.problems)
    return f"Cleanup: {done}{failed}"
