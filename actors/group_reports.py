"""What a group tells: merged reports up, messages down; snapshots of instances that have no process."""

import time
from dataclasses import dataclass, replace

from actors import exits
from actors.base import BaseActor
from actors.beats import BeatPage, Slot
from actors.reports import Merger
from actors.start_queue import StartQueue
from actors.watchman import Watchman
from core.instances import Desired
from core.messages import (
    Address,
    CommandReply,
    ConfigureGroup,
    ConfigureInstance,
    GroupReport,
    PlaceInstance,
    Routed,
)
from core.records import InstanceRecord
from core.snapshot import InstanceSnapshot, without_process

STARTS_AT_ONCE = 4  # children that died together


@dataclass(slots=True)
class Child:
    """One instance here. `address` None: no process. `generation`: counts processes, so that timers of an older one
    are told apart. `slot`: where its process's heartbeats are. `stopping`: asked to stop; then `drop` says for good,
    else it is started again. `purge`: its session file is to go, until a process that holds the lock has reported.
    `doom`: why the watchdog ended its process. `told`: the last report of a process."""

    record: InstanceRecord
    address: Address = None
    generation: int = 0
    slot: Slot | None = None
    pid: int | None = None
    history: tuple[float, ...] = ()
    restarts: int = 0
    snapshot: InstanceSnapshot | None = None
    quarantine: str | None = None
    doom: str | None = None
    last_seen: tuple[float, bool] | None = None
    told: InstanceSnapshot | None = None
    stopping: bool = False
    drop: bool = False
    purge: bool = False

    @classmethod
    def of(cls, placed: PlaceInstance) -> "Child":
        """An instance that is new here, perhaps from a group that is gone."""
        known = placed.known
        if known is None or placed.record.quarantine is None:
            return cls(placed.record)
        return cls(placed.record, snapshot=known, restarts=known.restarts)


class GroupReports(BaseActor):
    """The children and how they are spoken of; `actors.group.GroupSupervisor` adds their lives."""

    def __init__(self) -> None:
        super().__init__()
        exits.install()
        self._setup: ConfigureGroup | None = None
        self._root: Address = None
        self._children: dict[str, Child] = {}
        self._merger = Merger()
        self._watchman = Watchman()
        self._beats = BeatPage()
        self._starts = StartQueue(STARTS_AT_ONCE)
        self._ending = False

    def _refuse(self, message: Routed, code: str, text: str) -> None:
        self.send(message.reply_to, CommandReply(message.command.ref, False, code, text))

    def _configuration(self, child: Child) -> ConfigureInstance:
        setup = self._setup
        assert setup is not None
        return ConfigureInstance(
            record=child.record,
            settings=setup.settings,
            data_dir=setup.data_dir,
            log_dir=setup.log_dir,
            host=setup.host,
            journal=setup.journal,
            restarts=child.restarts,
            started_at=setup.started_at,
            last_seen=child.last_seen,
            # Made anew while its predecessor was being removed, whose process may have ended before it did that.
            fresh=child.purge,
            version=setup.version,
        )

    def _show_quarantine(self, child: Child) -> None:
        self._synthesise(child, "quarantined", child.quarantine or "", "Restart the instance.")

    def _show_crash(self, child: Child, cause: str) -> None:
        self._synthesise(child, "waiting", f"process {cause}; restarting", None)

    def _synthesise(self, child: Child, state: str, reason: str, next_step: str | None) -> None:
        """A snapshot of an instance that has no process to make one; what was known of it stays."""
        base = self._counted(child)
        child.snapshot = replace(
            base,
            since=base.since if base.link_state == state == "quarantined" else base.at,
            config=child.record.config,
            desired=child.record.desired.value,
            revision=child.record.revision,
            link_state=state,
            reason=reason,
            next_step=next_step,
            pid=None,
            address=None,
            restarts=child.restarts,
            next_retry_at=None,
        )
        self._report(child.snapshot)

    def _counted(self, child: Child) -> InstanceSnapshot:
        """As last shown, and the time without a process counted: its next one books it for good."""
        assert self._setup is not None
        now, record = time.time(), child.record
        told = child.told = child.told or InstanceSnapshot(
            record.instance_id, now, record.config, "connected", host=self._setup.host
        )
        seen_at, _ = child.last_seen or (told.at, False)
        counted = without_process(told, seen_at, record.desired is Desired.CONNECTED, now)
        return replace(
            child.snapshot or counted, at=now, run=counted.run, day=counted.day, month=counted.month
        )

    def _seen_before(self, child: Child, known: InstanceSnapshot | None) -> None:
        """A new record: time without a process was wanted as the old one had it. A new group goes on from the last
        one's reports."""
        if child.told is None and known is not None:
            child.told = known
            child.last_seen = (known.at, known.link_state == "open") if known.pid is not None else None
        elif child.address is None and child.snapshot is not None:
            child.snapshot = child.told = self._counted(child)

    def _count_absences(self) -> None:
        """Who has no process cannot say itself that it is not connected."""
        for child in self._children.values():
            if child.address is None and child.snapshot is not None:
                child.snapshot = self._counted(child)
                self._report(child.snapshot)

    def _report(self, snapshot: InstanceSnapshot) -> None:
        delay_s = self._merger.add(snapshot, time.monotonic())
        if delay_s is not None:
            self.wake_after(delay_s, "flush", self._merger.armed)

    def _flush(self, epoch: int) -> None:
        changed = self._merger.take(epoch)
        if changed and self._setup is not None:
            self.send(self._root, GroupReport(self._setup.name, changed))

    def _tell(self, instance_id: str, message: object) -> None:
        child = self._children.get(instance_id)
        if child is not None and child.address is not None:
            self.send(child.address, message)

    def _tell_all(self, message: object) -> None:
        for instance_id in self._children:
            self._tell(instance_id, message)
