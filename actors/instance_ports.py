"""The instance actor's ports: what its runtime may do to the world, and what the world sees of it."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors import beats
from actors.base import BaseActor
from actors.consumption import private_bytes
from actors.reporting import Surroundings, news, snapshot
from actors.runtime import Runtime
from core import breaker as breakers
from core import loglines
from core.availability import Ledger, Span, add, add_between, export, restore
from core.config import Settings, with_overrides
from core.effects import Record
from core.failures import FailureKind
from core.instances import Desired, upstream_key
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
from core.upstream import REASONS, GateState
from store import logs
from store.files import InstanceLock
from store.session import SessionStore

REPORT_S = 30.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the instance cannot begin. `code`: of the refusals meanwhile; `next_step`: what only an operator can do."""

    text: str
    code: str = "busy"
    next_step: str | None = None


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
        self._trouble: Trouble | None = None
        self._stopping: StopInstance | None = None
        self._tick = 0
        self._ledger = Ledger()
        self._upstream_down = False
        self._counted_at_s = time.monotonic()
        self._cpu_percent: float | None = None
        self._memory_bytes = private_bytes()
        self._slot = beats.inherited()
        self._reported: InstanceSnapshot | None = None
        self._seen: tuple[object, ...] = ()
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
        self._report(self._snapshot())

    def _report(self, snapshot: InstanceSnapshot) -> None:
        self._reported = snapshot
        self.send(self._parent, InstanceReport(snapshot))

    def _sign_of_life(self) -> None:
        """The heartbeat: a report when there is news or the last one is old, else a stamp for the group to see."""
        last = self._reported
        if self._slot is None or last is None or not 0 <= time.time() - last.at < REPORT_S:
            return self.report()
        self._slot.write(time.monotonic(), self._last_frame_s)
        if (made_of := self._made_of()) != self._seen:
            self._seen, snapshot = made_of, self._snapshot()
            if news(last, snapshot):
                self._report(snapshot)
        return None

    def _made_of(self) -> tuple[object, ...]:
        """What a snapshot is made of, but for times: while it is the same, there is no need to make one."""
        runtime, setup = self._runtime, self._setup
        assert runtime is not None and setup is not None
        breaker, policy = runtime.link.breaker, runtime.settings.breaker
        recent = len(breakers.recent(breaker, time.monotonic(), policy)) if breaker.failures else 0
        trouble = self._trouble or runtime.store_failure
        return setup, runtime.link, recent, len(runtime.outbox.waiting), runtime.feed.count, trouble

    @property
    def _last_frame_s(self) -> float | None:
        return None if self._runtime is None else self._runtime.transport.last_frame_s

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
                address=self.myAddress,
                epoch=0 if self._lock is None else self._lock.epoch,
                restarts=setup.restarts,
                wall_s=time.time(),
                now_mono_s=now_s,
                last_frame_mono_s=self._last_frame_s,
                queued_messages=0 if runtime is None else len(runtime.outbox.waiting),
                unsent_events=0 if runtime is None else runtime.feed.count,
                ledger=self._ledger,
                cpu_percent=self._cpu_percent,
                memory_bytes=self._memory_bytes,
                trouble=self._why_not(),
                next_step=self._trouble.next_step if self._trouble else None,
            ),
        )

    def _why_not(self) -> str | None:
        """What keeps the instance from its store."""
        if self._trouble is not None:
            return self._trouble.text
        return None if self._runtime is None else self._runtime.store_failure

    def _measure_cpu(self) -> None:
        """The share of one core since the last heartbeat; reports between two heartbeats repeat it."""
        (then_s, used_s), now = self._cpu_at, (time.monotonic(), time.process_time())
        if now[0] - then_s > 0.5:
            self._cpu_percent = 100.0 * (now[1] - used_s) / (now[0] - then_s)
            self._cpu_at = now

    def _count_time(self, now_s: float, link: Link) -> None:
        """Add the time since the last look to what the link was then: reports come at every change."""
        passed_s, self._counted_at_s = now_s - self._counted_at_s, now_s
        if self._was[0]:
            _, is_open, held = self._was
            span = Span(passed_s, passed_s if is_open else 0.0, passed_s if held and not is_open else 0.0)
            self._ledger = add(self._ledger, time.time(), span)
        # A process that started during the outage was not told of it, but is held because of it.
        held = link.state is LinkState.WAITING and link.cause == REASONS[GateState.DOWN]
        self._was = (link.wanted, link.state is LinkState.OPEN, held or self._upstream_down)

    _was = (False, False, False)

    def carried(self) -> dict[str, Any]:
        """What the store keeps beside the link's state."""
        if self._runtime is not None:
            self._count_time(time.monotonic(), self._runtime.link)
        version = self._setup.version if self._setup is not None else ""
        return {"ledger": export(self._ledger), "counted_at": time.time(), "version": version}

    def _take_over(self, stored: Mapping[str, Any] | None, setup: ConfigureInstance) -> None:
        """Go on with the ledger of the process before; the time between the two was wanted and not connected."""
        kept = (stored or {}).get("ledger")
        self._ledger = restore(kept, setup.started_at)
        if stored is None or kept is None or setup.record.desired is not Desired.CONNECTED:
            return
        counted_at = stored["counted_at"]
        seen_at, was_open = setup.last_seen or (counted_at, False)
        gone_at = max(seen_at, counted_at)
        alive = add_between(self._ledger, counted_at, gone_at, was_open)
        self._ledger = add_between(alive, gone_at, time.time())
