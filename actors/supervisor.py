"""The root on a host: it owns the groups, the registry and the journal, knows every instance, and feeds the web.

It does no I/O and never waits: durable writes are asked of the registry and continued when it answers.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from setproctitle import setproctitle

from actors import exits
from actors.base import BaseActor
from actors.fleetfeed import FleetFeed
from actors.gatekeeper import Gatekeeper
from actors.group import GroupSupervisor
from actors.journal import JournalActor
from actors.registry import RegistryActor
from core.config import Settings
from core.instances import Desired
from core.messages import (
    Address,
    CommandReply,
    ConfigureGroup,
    CreateInstance,
    CreateToken,
    DeleteInstance,
    DeleteToken,
    DropInstance,
    ForceRetry,
    GroupReport,
    GroupStopped,
    HostStorage,
    InstanceCrashed,
    InstanceDropped,
    JournalBroken,
    JournalMoved,
    JournalOpened,
    OpenJournal,
    OpenRegistry,
    PermitGranted,
    PermitHeld,
    PermitRequest,
    PingRoot,
    PlaceInstance,
    PrepareStop,
    RegistryBroken,
    RegistryDone,
    RegistryFailed,
    RegistryLoaded,
    ReloadSettings,
    RemoveInstance,
    ResetBreaker,
    RestartInstance,
    RevokeToken,
    Routed,
    SaveCrash,
    SaveInstance,
    SaveToken,
    SettingsChanged,
    StartRoot,
    StopGroup,
    SubmitMessage,
    Subscribe,
    UpdateInstance,
    WatchJournal,
)
from core.records import InstanceRecord
from core.snapshot import HostSnapshot, InstanceSnapshot
from core.supervision import delay_s
from store import logs

PUSH_S = 0.05
PULSE_S = 1.0


Then = Callable[[bool], None]


class Supervisor(BaseActor):
    def __init__(self) -> None:
        super().__init__()
        exits.install()
        self._setup: StartRoot | None = None
        self._settings = Settings()
        self._started_at = time.time()
        self._records: dict[str, InstanceRecord] = {}
        self._placed: dict[str, str] = {}
        self._groups: dict[str, Address] = {}
        self._deaths: dict[str, int] = {}
        self._registry: Address = None
        self._journal: Address = None
        self._loaded = False
        self._journal_open = False
        self._broken: dict[str, str] = {}
        self._pending: dict[str, tuple[Address, Callable[[], None], Callable[[], None]]] = {}
        self._feed = FleetFeed()
        self._gate = Gatekeeper(self._settings.gate)
        self._releasing = False
        self._pushing = False
        self._storage = HostStorage(True, 0, 0, 100.0)
        self._ending: tuple[Address, str] | None = None

    # ── start ────────────────────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_StartRoot(self, message: StartRoot, sender: Address) -> None:
        if self._setup is not None:
            return
        setproctitle("sambung: root")
        logs.setup_logging(Path(message.log_dir), message.settings.log)
        self._setup = message
        self._take_settings(message.settings)
        self._open_registry()
        self._open_journal()
        self._pulse()

    def _open_registry(self) -> None:
        assert self._setup is not None
        self._registry = self.createActor(RegistryActor)
        self.send(self._registry, OpenRegistry(self._setup.data_dir, self._setup.log_dir, self._settings))

    def _open_journal(self) -> None:
        assert self._setup is not None
        self._journal = self.createActor(JournalActor)
        self.send(self._journal, OpenJournal(self._setup.data_dir, self._setup.log_dir, self._settings))

    def receiveMsg_RegistryLoaded(self, message: RegistryLoaded, sender: Address) -> None:
        self._broken.pop("registry", None)
        if self._loaded:
            return
        self._loaded = True
        for record in message.records:
            self._records[record.instance_id] = record
            self._place(record)

    def receiveMsg_RegistryBroken(self, message: RegistryBroken, sender: Address) -> None:
        self._storage_failed("registry", message.text)

    def receiveMsg_JournalOpened(self, message: JournalOpened, sender: Address) -> None:
        self._journal_open = True
        self._broken.pop("journal", None)

    def receiveMsg_JournalBroken(self, message: JournalBroken, sender: Address) -> None:
        self._storage_failed("journal", message.text)

    def _storage_failed(self, part: str, text: str) -> None:
        if self._broken.get(part) != text:
            logs.logger().error("The %s cannot be used: %s", part, text)
        self._broken[part] = text

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_CreateInstance(self, message: CreateInstance, sender: Address) -> None:
        limit = self._settings.limits.max_instances
        if message.instance_id in self._records:
            text = f"Instance {message.instance_id} exists already"
            return self._refuse(sender, message.ref, "instance_exists", text)
        if len(self._records) >= limit:
            text = f"{limit} instances exist already (limits.max_instances)"
            return self._refuse(sender, message.ref, "limit_reached", text)
        record = InstanceRecord(message.instance_id, message.config, message.desired, created_at=time.time())
        return self._save(record, sender, message.ref)

    def receiveMsg_UpdateInstance(self, message: UpdateInstance, sender: Address) -> None:
        record = self._found(message, sender)
        if record is None:
            return None
        desired = message.desired or record.desired
        changed = replace(record, config=message.config or record.config, desired=desired)
        if changed == record:
            return self._done(sender, message.ref)
        return self._save(replace(changed, revision=record.revision + 1), sender, message.ref)

    def receiveMsg_RemoveInstance(self, message: RemoveInstance, sender: Address) -> None:
        record = self._found(message, sender)
        if record is None:
            return
        del self._records[message.instance_id]

        def dropped() -> None:
            self._feed.remove(message.instance_id)
            if group := self._group_of(message.instance_id):
                self.send(group, DropInstance(message.instance_id, purge=True))
            self._done(sender, message.ref)

        def kept() -> None:
            self._records.setdefault(message.instance_id, record)

        self._ask_registry(DeleteInstance(message.ref, message.instance_id), sender, dropped, kept)

    def receiveMsg_RestartInstance(self, message: RestartInstance, sender: Address) -> None:
        record = self._found(message, sender)
        if record is None:
            return None
        if record.quarantine is None:
            return self._route(message, sender)
        freed = replace(record, quarantine=None)
        return self._save(freed, sender, message.ref, lambda: self._route(message, sender))

    def receiveMsg_ForceRetry(self, message: ForceRetry, sender: Address) -> None:
        record = self._found(message, sender)
        if record is None:
            return None
        if record.desired is Desired.CONNECTED or record.quarantine is not None:
            return self._route(message, sender)
        wanted = replace(record, desired=Desired.CONNECTED, revision=record.revision + 1)
        return self._save(wanted, sender, message.ref, lambda: self._route(message, sender), place=False)

    def receiveMsg_ResetBreaker(self, message: ResetBreaker, sender: Address) -> None:
        if self._found(message, sender) is not None:
            self._route(message, sender)

    def receiveMsg_SubmitMessage(self, message: SubmitMessage, sender: Address) -> None:
        if self._found(message, sender) is not None:
            self._route(message, sender)

    def receiveMsg_CreateToken(self, message: CreateToken, sender: Address) -> None:
        asked = SaveToken(message.ref, message.token)
        self._ask_registry(asked, sender, lambda: self._done(sender, message.ref), lambda: None)

    def receiveMsg_RevokeToken(self, message: RevokeToken, sender: Address) -> None:
        asked = DeleteToken(message.ref, message.token_id)
        self._ask_registry(asked, sender, lambda: self._done(sender, message.ref), lambda: None)

    def receiveMsg_ReloadSettings(self, message: ReloadSettings, sender: Address) -> None:
        self._take_settings(message.settings)
        for group in self._groups.values():
            self.send(group, SettingsChanged(message.settings))
        if self._setup is not None:
            self.send(self._journal, OpenJournal(self._setup.data_dir, self._setup.log_dir, message.settings))
        self._done(sender, message.ref)

    def _take_settings(self, settings: Settings) -> None:
        self._settings = settings
        self._gate.settings = settings.gate

    def receiveMsg_PingRoot(self, message: PingRoot, sender: Address) -> None:
        ready = self._loaded and self._journal_open and not self._broken
        data = {"pid": os.getpid(), "ready": ready, "broken": dict(self._broken)}
        self.send(sender, CommandReply(message.ref, True, data=data))

    def receiveMsg_PrepareStop(self, message: PrepareStop, sender: Address) -> None:
        self._ending = (sender, message.ref)
        for group in self._groups.values():
            self.send(group, StopGroup())
        self._stopped_if_empty()

    def receiveMsg_GroupStopped(self, message: GroupStopped, sender: Address) -> None:
        self._groups.pop(message.group, None)
        self._stopped_if_empty()

    def _stopped_if_empty(self) -> None:
        if self._ending is not None and not self._groups:
            self._done(*self._ending)

    # ── durable writes ───────────────────────────────────────────────────────────────────────────────────────────

    def _save(
        self,
        record: InstanceRecord,
        sender: Address,
        ref: str,
        then: Callable[[], None] | None = None,
        place: bool = True,
    ) -> None:
        """Make a record durable, run or re-configure its instance, then answer (or go on with `then`).

        The record counts from now on, so that a second command sees it; a failed write takes it back.
        """
        before = self._records.get(record.instance_id)
        self._records[record.instance_id] = record

        def saved() -> None:
            self._place(record)
            self._push()
            if then is None:
                self._done(sender, ref)
            else:
                then()

        def failed() -> None:
            if self._records.get(record.instance_id) is record:
                if before is None:
                    del self._records[record.instance_id]
                else:
                    self._records[record.instance_id] = before

        self._ask_registry(SaveInstance(ref, record), sender, saved, failed)

    def _ask_registry(
        self, asked: Any, sender: Address, done: Callable[[], None], failed: Callable[[], None]
    ) -> None:
        if not self._loaded:
            failed()
            text = self._broken.get("registry", "the registry is still loading")
            return self._refuse(sender, asked.ref, "storage_failed", text)
        self._pending[asked.ref] = (sender, done, failed)
        return self.send(self._registry, asked)

    def receiveMsg_RegistryDone(self, message: RegistryDone, sender: Address) -> None:
        pending = self._pending.pop(message.ref, None)
        if pending is None:
            return
        if message.found:
            pending[1]()
        else:
            pending[2]()
            self._refuse(pending[0], message.ref, "not_found", "nothing was there to change")

    def receiveMsg_RegistryFailed(self, message: RegistryFailed, sender: Address) -> None:
        pending = self._pending.pop(message.ref, None)
        if pending is not None:
            pending[2]()
            self._refuse(pending[0], message.ref, message.code, message.text)

    # ── instances and groups ─────────────────────────────────────────────────────────────────────────────────────

    def _place(self, record: InstanceRecord) -> None:
        """Tell the instance's group, a new one when all are full; show the instance at once."""
        name = self._placed.get(record.instance_id) or self._roomy_group()
        self._placed[record.instance_id] = name
        self._feed.put(self._merged(record, self._feed.instances.get(record.instance_id)))
        if address := self._groups.get(name):
            self.send(address, PlaceInstance(record))

    def _roomy_group(self) -> str:
        size = self._settings.supervision.group_size
        counts = dict.fromkeys(self._groups, 0)
        for name in self._placed.values():
            counts[name] = counts.get(name, 0) + 1
        for name, members in counts.items():
            if members < size:
                return name
        name = f"g{len(counts) + 1}"
        self._start_group(name)
        return name

    def _start_group(self, name: str) -> None:
        assert self._setup is not None
        group = self._groups[name] = self.createActor(GroupSupervisor)
        setup = self._setup
        self.send(
            group,
            ConfigureGroup(name, self._settings, setup.data_dir, setup.log_dir, setup.host, self._journal),
        )
        for instance_id, home in self._placed.items():
            if home == name and instance_id in self._records:
                self.send(group, PlaceInstance(self._records[instance_id]))

    def on_child_exited(self, address: Address) -> None:
        pid, cause = exits.taken(address)
        if self._ending is not None:
            return
        name = next((name for name, group in self._groups.items() if group == address), None)
        if name is None and address not in (self._registry, self._journal):
            return
        part = name or ("registry" if address == self._registry else "journal")
        self._deaths[part] = self._deaths.get(part, 0) + 1
        logs.logger().error("The %s process (pid %d) ended: %s; restarting it", part, pid, cause)
        self._forget_part(part, cause)
        self.wake_after(delay_s(self._deaths[part] - 1, self._settings.supervision), f"start:{part}", 0)

    def _forget_part(self, part: str, cause: str) -> None:
        """What cannot be answered any more is answered now."""
        if part == "registry":
            self._registry = None
            pending, self._pending = self._pending, {}
            for ref, (sender, _, failed) in pending.items():
                failed()
                self._refuse(sender, ref, "storage_failed", f"the registry ended: {cause}")
        elif part == "journal":
            self._journal, self._journal_open = None, False
        else:
            self._groups.pop(part, None)

    def _start_part(self, part: str) -> None:
        if part == "registry":
            self._open_registry()
        elif part == "journal":
            self._open_journal()
            for group in self._groups.values():
                self.send(group, JournalMoved(self._journal))
        else:
            self._start_group(part)

    def receiveMsg_InstanceDropped(self, message: InstanceDropped, sender: Address) -> None:
        if message.instance_id not in self._records:
            self._placed.pop(message.instance_id, None)

    def receiveMsg_InstanceCrashed(self, message: InstanceCrashed, sender: Address) -> None:
        crash = message.record
        text = f"Process of instance {crash.instance_id} (pid {crash.pid}) ended: {crash.cause}"
        logs.log_event("instance.crashed", text, "ERROR", crash.instance_id, pid=crash.pid, cause=crash.cause)
        self.send(self._registry, SaveCrash(crash))
        record = self._records.get(crash.instance_id)
        if message.quarantine is not None and record is not None:
            quarantined = self._records[crash.instance_id] = replace(record, quarantine=message.quarantine)
            self.send(self._registry, SaveInstance("", quarantined))

    def _found(self, message: Any, sender: Address) -> InstanceRecord | None:
        record = self._records.get(message.instance_id)
        if record is None:
            self._refuse(
                sender, message.ref, "instance_not_found", f"Instance {message.instance_id} not found"
            )
        return record

    def _group_of(self, instance_id: str) -> Address:
        return self._groups.get(self._placed.get(instance_id, ""))

    def _route(self, message: Any, sender: Address) -> None:
        group = self._group_of(message.instance_id)
        if group is None:
            return self._refuse(sender, message.ref, "busy", "the instance's group is being restarted")
        return self.send(group, Routed(message, sender))

    def _done(self, sender: Address, ref: str) -> None:
        self.send(sender, CommandReply(ref, True))

    def _refuse(self, sender: Address, ref: str, code: str, text: str) -> None:
        self.send(sender, CommandReply(ref, False, code, text))

    # ── permits ──────────────────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_PermitRequest(self, message: PermitRequest, sender: Address) -> None:
        self._permit(self._gate.request(message, time.monotonic()))
        self._release_later()

    def _permit(self, answer: PermitGranted | PermitHeld) -> None:
        if group := self._group_of(answer.instance_id):
            self.send(group, answer)

    def _release_later(self) -> None:
        delay = self._gate.next_release_s(time.monotonic())
        if delay is not None and not self._releasing:
            self._releasing = True
            self.wake_after(delay, "release", 0)

    # ── the feed ─────────────────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_GroupReport(self, message: GroupReport, sender: Address) -> None:
        for snapshot in message.changed:
            record = self._records.get(snapshot.instance_id)
            if record is not None:
                self._feed.put(self._merged(record, snapshot))
        self._push_soon()

    def _merged(self, record: InstanceRecord, snapshot: InstanceSnapshot | None) -> InstanceSnapshot:
        """What the instance says of itself, with what is configured by now."""
        host = self._setup.host if self._setup is not None else ""
        now = time.time()
        base = snapshot or InstanceSnapshot(
            record.instance_id, now, record.config, record.desired.value, since=now, host=host
        )
        return replace(base, config=record.config, desired=record.desired.value, revision=record.revision)

    def receiveMsg_Subscribe(self, message: Subscribe, sender: Address) -> None:
        everything = self._feed.subscribe(message, sender, self._host())
        if everything is not None:
            self.send(sender, everything)
        if self._journal is not None:
            self.send(self._journal, WatchJournal(sender))

    def receiveMsg_HostStorage(self, message: HostStorage, sender: Address) -> None:
        self._storage = message

    def _host(self) -> HostSnapshot:
        storage, setup = self._storage, self._setup
        return HostSnapshot(
            host=setup.host if setup is not None else "",
            pid=os.getpid(),
            started_at=self._started_at,
            groups=len(self._groups),
            registered=len(self._records),
            storage_ok=storage.ok and self._loaded and self._journal_open and not self._broken,
            data_bytes=storage.data_bytes,
            disk_free_bytes=storage.disk_free_bytes,
            disk_free_percent=storage.disk_free_percent,
        )

    def _push(self) -> None:
        subscribers = self._feed.subscribers()
        delta = self._feed.delta(self._host())
        for address in subscribers:
            self.send(address, delta)

    def _push_soon(self) -> None:
        if not self._pushing:
            self._pushing = True
            self.wake_after(PUSH_S, "push", 0)

    def _pulse(self) -> None:
        self._push()
        self.wake_after(PULSE_S, "pulse", 0)

    def on_wake(self, name: str, epoch: int) -> None:
        kind, _, part = name.partition(":")
        match kind:
            case "pulse":
                self._pulse()
            case "push":
                self._pushing = False
                if self._feed.dirty:
                    self._push()
            case "release":
                self._releasing = False
                for grant in self._gate.release(time.monotonic()):
                    self._permit(grant)
                self._release_later()
            case "start" if self._ending is None:
                self._start_part(part)
