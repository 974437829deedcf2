"""The fleet in numbers: what /health shows and how its score is made."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from core.availability import ratio, total
from core.snapshot import InstanceSnapshot

CONNECTING = ("dialling", "authenticating")
ACTIVATED = ("open", "half_open")
PARKED = ("parked", "quarantined")


@dataclass(frozen=True, slots=True)
class FleetCounts:
    """Instances by what they are. `total`: wanted and linked at least once; `open`: wanted with an activated breaker;
    `down`: wanted, not connected, not in `open`; `availability`: connected / wanted seconds since the
    start, None before any; `outage_s`: of these, with the upstream down; both also in 24 hours and in 30 days."""

    registered: int = 0
    total: int = 0
    active: int = 0
    open: int = 0
    down: int = 0
    connecting: int = 0
    awaiting_link: int = 0
    parked: int = 0
    retry_attempts: int = 0
    recent_failures: int = 0
    availability: float | None = None
    availability_24h: float | None = None
    availability_30d: float | None = None
    outage_s: float = 0.0
    outage_24h_s: float = 0.0
    outage_30d_s: float = 0.0


def count(instances: Iterable[InstanceSnapshot]) -> FleetCounts:
    """Count a fleet. Instances that were never linked are awaiting their link (when wanted) and count nowhere else."""
    everyone = list(instances)
    linked = [one for one in everyone if one.linked]
    wanted = [one for one in linked if one.desired == "connected"]
    activated = [one for one in wanted if one.breaker_state in ACTIVATED]
    run = total(one.run for one in linked)
    day, month = total(one.day for one in linked), total(one.month for one in linked)
    return FleetCounts(
        registered=len(everyone),
        total=len(wanted),
        active=sum(one.link_state == "open" for one in wanted),
        open=len(activated),
        down=sum(one.link_state != "open" and one.breaker_state not in ACTIVATED for one in wanted),
        connecting=sum(one.link_state in CONNECTING for one in linked),
        awaiting_link=sum(one.desired == "connected" and not one.linked for one in everyone),
        parked=sum(one.link_state in PARKED for one in linked),
        retry_attempts=sum(one.attempts for one in linked),
        recent_failures=sum(one.recent_failures for one in linked),
        availability=ratio(run),
        availability_24h=ratio(day),
        availability_30d=ratio(month),
        outage_s=run.outage_s,
        outage_24h_s=day.outage_s,
        outage_30d_s=month.outage_s,
    )


def score(total: int, open: int, down: int) -> int:
    """The health score, 0..100: 100 - 40 * down / total - 15 * open, rounded half up, clamped; 100 when empty."""
    if total == 0:
        return 100
    return max(0, min(100, math.floor(100 - 40 * down / total - 15 * open + 0.5)))


def disk_low(free_percent: float, least_percent: float) -> str | None:
    """Why nothing is accepted for sending now; None while there is room."""
    if free_percent >= least_percent:
        return None
    return f"{free_percent:.1f} % of the disk is free, less than storage.min_free_percent = {least_percent:g}"
