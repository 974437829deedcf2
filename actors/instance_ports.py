"""The instance actor's ports: what its runtime may do to the world, and what the world sees of it."""

import random
import time
from typing import Any

from actors.base import BaseActor
from actors.reporting import Surroundings, snapshot
from actors.runtime import Runtime
from core import loglines
from core.config import Settings, with_overrides
from core.effects import Record
from core.failures import FailureKind
from core.instances import upstream_key
from core.link_state import Link, LinkState
from core.messages import (
    Address,
    CommandReply,
    ConfigureInstance,
    DialEnded,
    EventBatch,
    InstanceReport,
    PermitRequest,
    StopInstance,
)
from core.records import StoredEvent
from core.snapshot import InstanceSnapshot
from store import logs
from store.files import InstanceLock
from store.session import SessionStore


class InstancePorts(BaseActor):
    """Knows the clock, the parent and the journal; `actors.instance.InstanceActor` adds life and messages."""

    def __init__(self) -> None:
        super().__init__()
        self._setup: ConfigureInstance | None = None
        self._parent: Address = None
        self._journal: Address = None
        self._lock: InstanceLock | None = None
        self._store: SessionStore | None = None
        self._runtime: Runtime | None = None
        self._trouble: str | None = None
        self._stopping: StopInstance | None = None
        self._tick = 0
        self._connected_s = 0.0
        self._wanted_s = 0.0
        self._counted_at_s = time.monotonic()
        self._cpu_percent: float | None = None
        self._cpu_at = (time.monotonic(), time.process_time())

    def _own_settings(self, setup: ConfigureInstance) -> Settings:
        return with_overrides(setup.settings, setup.record.config.overrides)

    def now_s(self) -> float:
        return time.monotonic()

    def wall_s(self) -> float:
        return time.time()

    def random(self) -> float:
        return random.random()

    def wake(self, delay_s: float, name: str, epoch: int) -> None:
        self.wake_after(delay_s, name, epoch)

    def ask_permit(self, epoch: int, probe: bool) -> None:
        assert self._setup is not None
        record = self._setup.record
        self.send(self._parent, PermitRequest(record.instance_id, upstream_key(record.config), epoch, probe))

    def report_dial(self, failed: FailureKind | None) -> None:
        assert self._setup is not None
        record = self._setup.record
        self.send(self._parent, DialEnded(record.instance_id, upstream_key(record.config), failed))

    def answer(self, reply_to: Address, reply: CommandReply) -> None:
        self.send(reply_to, reply)

    def to_journal(self, stream: str, batch: tuple[StoredEvent, ...]) -> None:
        assert self._setup is not None
        self.send(self._journal, EventBatch(self._setup.record.instance_id, stream, batch))

    def log(self, record: Record) -> None:
        self._log(record)

    def report(self) -> None:
        self.send(self._parent, InstanceReport(self._snapshot()))

    def _log(self, record: Record) -> None:
        assert self._setup is not None
        instance_id = self._setup.record.instance_id
        line = loglines.text(record.event, record.fields, instance_id)
        fields: dict[str, Any] = {key: value for key, value in record.fields.items() if key != "text"}
        logs.log_event(record.event, line, record.level, instance_id, **fields)

    def _snapshot(self) -> InstanceSnapshot:
        setup, runtime = self._setup, self._runtime
        assert setup is not None
        now_s = time.monotonic()
        link = runtime.link if runtime is not None else Link(since_s=now_s)
        self._count_time(now_s, link)
        return snapshot(
            link,
            Surroundings(
                record=setup.record,
                settings=self._own_settings(setup),
                host=setup.host,
                epoch=0 if self._lock is None else self._lock.epoch,
                restarts=setup.restarts,
                wall_s=time.time(),
                now_mono_s=now_s,
                last_frame_mono_s=None if runtime is None else runtime.transport.last_frame_s,
                queued_messages=0 if runtime is None else len(runtime.outbox.waiting),
                unsent_events=0 if runtime is None else runtime.feed.count,
                connected_s=self._connected_s,
                wanted_s=self._wanted_s,
                cpu_percent=self._cpu_percent,
                trouble=self._trouble or (runtime.store_failure if runtime is not None else None),
            ),
        )

    def _measure_cpu(self) -> None:
        """The share of one core since the last heartbeat; reports between two heartbeats repeat it."""
        (then_s, used_s), now = self._cpu_at, (time.monotonic(), time.process_time())
        if now[0] - then_s > 0.5:
            self._cpu_percent = 100.0 * (now[1] - used_s) / (now[0] - then_s)
            self._cpu_at = now

    def _count_time(self, now_s: float, link: Link) -> None:
        """Add the time since the last look to what the link was then: reports come at every change."""
        passed_s, self._counted_at_s = now_s - self._counted_at_s, now_s
        self._connected_s += passed_s if self._was_open else 0.0
        self._wanted_s += passed_s if self._was_wanted else 0.0
        self._was_open, self._was_wanted = link.state is LinkState.OPEN, link.wanted

    _was_open = False

    _was_wanted = False
