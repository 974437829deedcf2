"""What others see of an instance: its snapshot, made from the link and what the actor knows of itself."""

import os
from dataclasses import dataclass, replace

from core import breaker as breakers
from core.address import Address
from core.availability import Ledger, last_day, last_month
from core.config import Settings
from core.link_state import Link, LinkState
from core.records import InstanceRecord
from core.snapshot import InstanceSnapshot


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a snapshot needs beside the link. Times in wall-clock seconds unless they end in `_mono_s`.

    `trouble`, `next_step`: of what keeps the instance from its store; they go before the link's.
    """

    record: InstanceRecord
    settings: Settings
    host: str
    address: Address
    epoch: int
    restarts: int
    wall_s: float
    now_mono_s: float
    last_frame_mono_s: float | None
    queued_messages: int
    unsent_events: int
    ledger: Ledger
    cpu_percent: float | None
    memory_bytes: int | None
    trouble: str | None
    next_step: str | None


def snapshot(link: Link, around: Surroundings) -> InstanceSnapshot:
    """The instance as of now."""
    offset_s = around.wall_s - around.now_mono_s
    recent = breakers.recent(link.breaker, around.now_mono_s, around.settings.breaker)
    failure = link.failure
    parked = link.state is LinkState.PARKED and failure is not None
    last = around.last_frame_mono_s

    def wall(mono_s: float) -> float:
        # The clocks drift by microseconds, which is no news.
        return round(mono_s + offset_s, 3)

    return InstanceSnapshot(
        instance_id=around.record.instance_id,
        at=around.wall_s,
        config=around.record.config,
        desired=around.record.desired.value,
        revision=around.record.revision,
        link_state=link.state.value,
        breaker_state=link.breaker.state.value,
        reason=around.trouble or link.cause or (failure.text if failure else None),
        failure_kind=failure.kind.value if failure else None,
        next_step=around.next_step or (failure.next_step if parked and failure else None),
        since=wall(link.since_s),
        attempts=link.attempts,
        recent_failures=len(recent),
        failure_times=tuple(wall(at) for at in recent[-100:]),
        next_retry_at=None if link.next_at_s is None else wall(link.next_at_s),
        deadline_at=None if (due_s := _deadline_s(link)) is None else wall(due_s),
        pid=os.getpid(),
        epoch=around.epoch,
        host=around.host,
        restarts=around.restarts,
        last_frame_at=None if last is None else wall(last),
        queued_messages=around.queued_messages,
        unsent_events=around.unsent_events,
        run=around.ledger.run,
        day=last_day(around.ledger, around.wall_s),
        month=last_month(around.ledger, around.wall_s),
        memory_bytes=around.memory_bytes,
        cpu_percent=around.cpu_percent,
        address=around.address,
    )


def news(before: InstanceSnapshot, now: InstanceSnapshot) -> bool:
    """Whether more has changed than what changes all the time, or is in the heartbeat's slot (`actors.beats`)."""
    unchanged = replace(
        before,
        at=now.at,
        run=now.run,
        day=now.day,
        month=now.month,
        memory_bytes=now.memory_bytes,
        cpu_percent=now.cpu_percent,
        last_frame_at=now.last_frame_at,
    )
    return unchanged != now


def _deadline_s(link: Link) -> float | None:
    """An open or closing link keeps the number of its attempt, which says nothing any more."""
    return link.deadline_s if link.state in (LinkState.DIALLING, LinkState.AUTHENTICATING) else None
