"""Frozen views of an instance and of the fleet, as supervisors and the web process see them."""

from dataclasses import dataclass, field, replace
from typing import Any

from core.address import Address
from core.availability import DAY_S, DAYS, NOTHING, Span, appended
from core.instances import InstanceConfig
from core.sweeps import NOTHING_CAUGHT, Caught, Sweep


@dataclass(frozen=True, slots=True)
class InstanceSnapshot:
    """One instance at `at` (epoch seconds).

    `link_state`: idle, waiting, dialling, authenticating, open, closing, parked, quarantined. `attempts`: since the
    last stable connection. `recent_failures`: failures inside the breaker's window, their times (epoch seconds) in
    `failure_times`. `next_retry_at`, `since`, `last_frame_at`: epoch seconds or None. `deadline_at`: by when
    dialling or authenticating must be over. `run`, `day`, `month`: seconds wanted and connected since the start, in
    24 h, in 30 d. `address`: of its actor, None without a process.
    """

    instance_id: str
    at: float
    config: InstanceConfig
    desired: str
    revision: int = 1
    link_state: str = "idle"
    breaker_state: str = "closed"
    reason: str | None = None
    failure_kind: str | None = None
    next_step: str | None = None
    since: float = 0.0
    attempts: int = 0
    recent_failures: int = 0
    failure_times: tuple[float, ...] = ()
    next_retry_at: float | None = None
    deadline_at: float | None = None
    pid: int | None = None
    epoch: int = 0
    host: str = ""
    restarts: int = 0
    last_frame_at: float | None = None
    queued_messages: int = 0
    unsent_events: int = 0
    run: Span = NOTHING
    day: Span = NOTHING
    month: Span = NOTHING
    memory_bytes: int | None = None
    cpu_percent: float | None = None
    linked: bool = True
    address: Address = field(default=None, repr=False)


def without_process(told: InstanceSnapshot, seen_at: float, wanted: bool, now_s: float) -> InstanceSnapshot:
    """What a process told last, some time after its end: wanted time goes on; it was as told until `seen_at`."""
    if not wanted or now_s <= told.at:
        return replace(told, at=now_s)
    open_s = min(seen_at, now_s) - told.at if told.link_state == "open" else 0.0
    more = Span(now_s - told.at, max(0.0, open_s))
    return replace(
        told,
        at=now_s,
        run=told.run + more,
        day=appended(told.day, more, DAY_S),
        month=appended(told.month, more, DAYS * DAY_S),
    )


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """What the root of one host knows of itself. `sweep`: the last one; `swept`: all since the root's start."""

    host: str
    pid: int
    started_at: float
    groups: int = 0
    registered: int = 0
    storage_ok: bool = True
    data_bytes: int = 0
    disk_free_bytes: int = 0
    disk_free_percent: float = 100.0
    sweep: Sweep | None = None
    swept: Caught = NOTHING_CAUGHT
    upstreams: tuple[dict[str, Any], ...] = ()
    settings_revision: int = 1


@dataclass(frozen=True, slots=True)
class Fleet:
    """All instances known, by id, and the host they run on; `at`: when it was put together (epoch seconds)."""

    at: float
    host: HostSnapshot
    instances: dict[str, InstanceSnapshot] = field(default_factory=dict)
