"""What the root knows and the moves that everything else of it uses: placing, routing, durable writes, pushing."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from actors import exits
from actors.base import BaseActor
from actors.fleetfeed import FleetFeed
from actors.gatekeeper import Gatekeeper
from actors.group import GroupSupervisor
from actors.places import Places
from actors.watchman import Watchman
from core.config import Settings
from core.health import disk_low
from core.messages import (
    Address,
    CommandReply,
    ConfigureGroup,
    HostStorage,
    PlaceInstance,
    RegistryDone,
    RegistryFailed,
    Routed,
    SaveInstance,
    StartRoot,
)
from core.records import InstanceRecord
from core.snapshot import HostSnapshot, InstanceSnapshot
from core.sweeps import NOTHING_CAUGHT, Sweep

START_S = 10.0  # after which an instance that was not heard of holds nobody up


class RootBase(BaseActor):
    """State of the root; `actors.root_commands` and `actors.supervisor` add what it answers to."""

    def __init__(self) -> None:
        super().__init__()
        exits.install()
        self._setup: StartRoot | None = None
        self._settings = Settings()
        self._records: dict[str, InstanceRecord] = {}
        self._places = Places()
        self._groups: dict[str, Address] = {}
        self._deaths: dict[str, tuple[float, ...]] = {}
        self._registry: Address = None
        self._journal: Address = None
        self._loaded = False
        self._journal_open = False
        self._broken: dict[str, str] = {}
        self._pending: dict[str, tuple[Address, Callable[[], None], Callable[[], None], tuple[str, str]]] = {}
        self._feed = FleetFeed()
        self._gate = Gatekeeper(self._settings.gate, self._feed.heard, self._feed.stalled, self._feed.refused)
        self._watchman = Watchman()
        self._release = 0
        self._release_at_s: float | None = None
        self._pushing = False
        self._storage = HostStorage(True, 0, 0, 100.0)
        self._ending: tuple[Address, str] | None = None
        self._last_sweep: Sweep | None = None
        self._swept = NOTHING_CAUGHT

    def _take_settings(self, settings: Settings) -> None:
        self._settings = settings
        self._gate.reconfigure(settings.gate, time.monotonic())

    def _place(self, record: InstanceRecord, fresh: bool = False) -> None:
        """Tell the instance's group, a new one when all are full; show the instance at once."""
        self._settle(record)
        self._places.starts.forget(record.instance_id)
        if address := self._group_of(record.instance_id):
            known = self._feed.instances.get(record.instance_id)
            self.send(address, PlaceInstance(record, known, fresh))

    def _settle(self, record: InstanceRecord) -> None:
        self._feed.put(self._merged(record, self._feed.instances.get(record.instance_id)))
        self._gate.uses(record)
        known = record.instance_id in self._places.homes
        name = self._places.settle(record.instance_id, self._groups, self._settings.supervision.group_size)
        if not known and name not in self._groups and name not in self._deaths:
            self._start_group(name)

    def _place_soon(self, instance_id: str) -> None:
        """The same for many at a time: it waits until it is its turn to start."""
        if self._places.starts.ask(instance_id):
            self._place(self._records[instance_id])
            self.wake_after(START_S, f"placed:{instance_id}", 0)

    def _placed(self, instance_id: str) -> None:
        """It was heard of, or had time enough: whose turn is it?"""
        self._places.starts.done(instance_id)
        while self._ending is None and (name := self._places.starts.next()) is not None:
            if name in self._records:
                self._place_soon(name)

    def _start_group(self, name: str) -> None:
        assert self._setup is not None
        group = self._groups[name] = self.createActor(GroupSupervisor)
        self._watchman.add(name, time.monotonic())
        setup = self._setup
        self.send(
            group,
            ConfigureGroup(
                name=name,
                started_at=setup.started_at,
                settings=self._settings,
                data_dir=setup.data_dir,
                log_dir=setup.log_dir,
                host=setup.host,
                journal=self._journal,
                version=setup.version,
            ),
        )

    def _found(self, message: Any, sender: Address) -> InstanceRecord | None:
        record = self._records.get(message.instance_id)
        if record is None:
            self._refuse(
                sender, message.ref, "instance_not_found", f"Instance {message.instance_id} not found"
            )
        return record

    def _group_of(self, instance_id: str) -> Address:
        return self._groups.get(self._places.homes.get(instance_id, ""))

    def _route(self, message: Any, sender: Address) -> None:
        group = self._group_of(message.instance_id)
        if group is None:
            return self._refuse(sender, message.ref, "busy", "the instance's group is being restarted")
        if self._places.starts.waits(message.instance_id):
            return self._refuse(sender, message.ref, "busy", "the instance waits for its turn to start")
        return self.send(group, Routed(message, sender))

    def _done(self, sender: Address, ref: str) -> None:
        self.send(sender, CommandReply(ref, True))

    def _refuse(self, sender: Address, ref: str, code: str, text: str) -> None:
        self.send(sender, CommandReply(ref, False, code, text))

    def _merged(self, record: InstanceRecord, snapshot: InstanceSnapshot | None) -> InstanceSnapshot:
        """What the instance says of itself, with what is configured by now."""
        host = self._setup.host if self._setup is not None else ""
        now = time.time()
        base = snapshot or InstanceSnapshot(
            record.instance_id, now, record.config, record.desired.value, since=now, host=host
        )
        if record.quarantine is not None and base.pid is None:
            base = replace(base, link_state="quarantined", reason=record.quarantine)
        return replace(base, config=record.config, desired=record.desired.value, revision=record.revision)

    def _disk_low(self) -> str | None:
        """Why nothing is accepted for sending now; None while there is room."""
        return disk_low(self._storage.disk_free_percent, self._settings.storage.min_free_percent)

    def _host(self) -> HostSnapshot:
        storage, setup = self._storage, self._setup
        return HostSnapshot(
            host=setup.host if setup is not None else "",
            pid=os.getpid(),
            started_at=setup.started_at if setup is not None else 0.0,
            groups=len(self._groups),
            registered=len(self._records),
            storage_ok=storage.ok and self._stores_work() and not self._disk_low(),
            data_bytes=storage.data_bytes,
            disk_free_bytes=storage.disk_free_bytes,
            disk_free_percent=storage.disk_free_percent,
            sweep=self._last_sweep,
            swept=self._swept,
            upstreams=self._gate.shown(time.monotonic()),
        )

    def _stores_work(self) -> bool:
        return self._loaded and self._journal_open and not self._broken

    def _push(self) -> None:
        self._gate.tidy(time.monotonic())
        subscribers = self._feed.subscribers()
        delta = self._feed.delta(self._host())
        for address in subscribers:
            self.send(address, delta)

    def _save(
        self, record: InstanceRecord, sender: Address, ref: str, then: Callable[[], None] | None = None
    ) -> None:
        """Make a record durable, run or re-configure its instance, then answer (or go on with `then`).

        The record counts from now on, so that a second command sees it; a failed write takes it back.
        """
        before = self._records.get(record.instance_id)
        # Its predecessor is still being removed; otherwise nobody may have left a file for it.
        fresh = before is None and record.instance_id in self._places.homes
        self._records[record.instance_id] = record

        def saved() -> None:
            self._place(record, fresh)
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

        asked = SaveInstance(ref, record, new=before is None and not fresh)
        self._ask_registry(asked, sender, saved, failed)

    def _ask_registry(
        self,
        asked: Any,
        sender: Address,
        done: Callable[[], None],
        failed: Callable[[], None],
        absent: tuple[str, str] = ("not_found", "nothing was there to change"),
    ) -> None:
        """`absent`: the code and text of the refusal when there is nothing to change."""
        if not self._loaded or self._registry is None:
            failed()
            why = "is still loading" if not self._loaded else "is being restarted"
            text = self._broken.get("registry", f"the registry {why}")
            return self._refuse(sender, asked.ref, "storage_failed", text)
        self._pending[asked.ref] = (sender, done, failed, absent)
        return self.send(self._registry, asked)

    def receiveMsg_RegistryDone(self, message: RegistryDone, sender: Address) -> None:
        pending = self._pending.pop(message.ref, None)
        if pending is None:
            return
        if message.found:
            pending[1]()
        else:
            pending[2]()
            self._refuse(pending[0], message.ref, *pending[3])

    def receiveMsg_RegistryFailed(self, message: RegistryFailed, sender: Address) -> None:
        pending = self._pending.pop(message.ref, None)
        if pending is not None:
            pending[2]()
            self._refuse(pending[0], message.ref, message.code, message.text)
