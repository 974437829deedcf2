"""The root on a host: it owns the groups, the registry and the journal, knows every instance, and feeds the web.

It does no I/O and never waits: durable writes are asked of the registry and continued when it answers.
"""

import os
import time
from pathlib import Path

from setproctitle import setproctitle

from actors import exits
from actors.journal import JournalActor
from actors.registry import RegistryActor
from actors.root_crashes import RootCrashes
from actors.watchman import SIGNALS, end_process
from core.messages import (
    Address,
    CommandReply,
    GroupReport,
    GroupStopped,
    HostStorage,
    JournalBroken,
    JournalMoved,
    JournalOpened,
    OpenJournal,
    OpenRegistry,
    PartAlive,
    PingRoot,
    PrepareStop,
    RegistryBroken,
    RegistryLoaded,
    StartRoot,
    StopGroup,
    Subscribe,
    WatchJournal,
)
from core.supervision import delay_s as restart_delay_s
from core.supervision import recent
from store import logs

PULSE_S = 1.0
REOPEN_S = 2.0


class Supervisor(RootCrashes):
    """The root: parts that it starts and restarts, permits, the read model's feed."""

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
        self._watch()
        self._begin_sweeping()

    def _open_registry(self) -> None:
        assert self._setup is not None
        if self._registry is None:
            self._registry = self.createActor(RegistryActor)
            self._watchman.add("registry", time.monotonic())
        self.send(self._registry, OpenRegistry(self._setup.data_dir, self._setup.log_dir, self._settings))

    def _open_journal(self) -> None:
        assert self._setup is not None
        if self._journal is None:
            self._journal = self.createActor(JournalActor)
            self._watchman.add("journal", time.monotonic())
        self.send(self._journal, OpenJournal(self._setup.data_dir, self._setup.log_dir, self._settings))

    def receiveMsg_RegistryLoaded(self, message: RegistryLoaded, sender: Address) -> None:
        self._broken.pop("registry", None)
        super().receiveMsg_RegistryLoaded(message, sender)
        if self._loaded:
            return
        self._loaded = True
        for record in message.records:
            self._records[record.instance_id] = record
            self._settle(record)
            self._place_soon(record.instance_id)

    def receiveMsg_RegistryBroken(self, message: RegistryBroken, sender: Address) -> None:
        self._storage_failed("registry", message.text)
        self.wake_after(REOPEN_S, "reopen:registry", 0)

    def receiveMsg_JournalOpened(self, message: JournalOpened, sender: Address) -> None:
        self._journal_open = True
        self._broken.pop("journal", None)

    def receiveMsg_JournalBroken(self, message: JournalBroken, sender: Address) -> None:
        self._storage_failed("journal", message.text)
        if not self._journal_open:
            self.wake_after(REOPEN_S, "reopen:journal", 0)

    def _open_again(self, part: str) -> None:
        """A store that could not be opened is tried again: a lock ends, a disk gets room, an operator repairs."""
        if part == "registry" and not self._loaded and self._registry is not None:
            self._open_registry()
        elif part == "journal" and not self._journal_open and self._journal is not None:
            self._open_journal()

    def _storage_failed(self, part: str, text: str) -> None:
        if self._broken.get(part) != text:
            logs.logger().error("The %s cannot be used: %s", part, text)
        self._broken[part] = text

    def receiveMsg_PingRoot(self, message: PingRoot, sender: Address) -> None:
        ready = self._stores_work()
        data = {"pid": os.getpid(), "ready": ready, "broken": dict(self._broken)}
        self.send(sender, CommandReply(message.ref, True, data=data))

    def receiveMsg_PrepareStop(self, message: PrepareStop, sender: Address) -> None:
        self._ending = (sender, message.ref)
        for group in self._groups.values():
            self.send(group, StopGroup())
        self._stopped_if_empty()

    def receiveMsg_GroupStopped(self, message: GroupStopped, sender: Address) -> None:
        self._groups.pop(message.group, None)
        self._watchman.remove(message.group)
        self._stopped_if_empty()

    def _stopped_if_empty(self) -> None:
        if self._ending is not None and not self._groups:
            self._done(*self._ending)

    # ── instances and groups ─────────────────────────────────────────────────────────────────────────────────────

    def on_child_exited(self, address: Address) -> None:
        pid, cause = exits.taken(address)
        if self._ending is not None:
            return
        name = next((name for name, group in self._groups.items() if group == address), None)
        if name is None and address not in (self._registry, self._journal):
            return
        part = name or ("registry" if address == self._registry else "journal")
        now_s, policy = time.monotonic(), self._settings.supervision
        earlier = recent(self._deaths.get(part, ()), now_s, policy)
        self._deaths[part] = (*earlier, now_s)
        logs.logger().error("The %s process (pid %d) ended: %s; restarting it", part, pid, cause)
        self._forget_part(part, cause)
        self.wake_after(restart_delay_s(len(earlier), policy), f"start:{part}", 0)

    def receiveMsg_PartAlive(self, message: PartAlive, sender: Address) -> None:
        self._watchman.heard(message.part, time.monotonic())

    def _watch(self) -> None:
        """End a part that hangs: a group, the registry, the journal."""
        exits.note_kills()
        for part, verdict, why in self._watchman.check(time.monotonic(), self._settings.supervision):
            text = f"Watchdog: the {part} process: {why}; {verdict.value}"
            logs.log_event("watchdog", text, "ERROR", reason=why)
            address = {"registry": self._registry, "journal": self._journal}.get(part) or self._groups.get(
                part
            )
            end_process(exits.child_pid(self, address), SIGNALS[verdict])
        self.wake_after(self._watchman.wait_s, "watch", 0)

    def _forget_part(self, part: str, cause: str) -> None:
        """What cannot be answered any more is answered now."""
        self._watchman.remove(part)
        if part == "registry":
            self._registry = None
            pending, self._pending = self._pending, {}
            for ref, (sender, _, failed, _) in pending.items():
                failed()
                self._refuse(sender, ref, "storage_failed", f"the registry ended: {cause}")
        elif part == "journal":
            self._journal, self._journal_open = None, False
        else:
            self._groups.pop(part, None)

    def _start_or_retry(self, part: str) -> None:
        try:
            self._start_part(part)
        # Whatever keeps a process from starting (memory, descriptors, pids) passes, and nobody else would try again.
        except Exception as error:
            logs.logger().error("The %s could not be started, trying again: %s", part, error)
            self.wake_after(REOPEN_S, f"start:{part}", 0)

    def _start_part(self, part: str) -> None:
        if part == "registry":
            self._open_registry()
        elif part == "journal":
            self._open_journal()
            for group in self._groups.values():
                self.send(group, JournalMoved(self._journal))
        else:
            self._start_group(part)
            self._place_members(part)

    # ── the feed ─────────────────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_GroupReport(self, message: GroupReport, sender: Address) -> None:
        self._watchman.heard(message.group, time.monotonic())
        for snapshot in message.changed:
            record = self._records.get(snapshot.instance_id)
            if record is not None:
                self._feed.put(self._merged(record, snapshot))
            self._placed(snapshot.instance_id)
        self._push_soon()

    def receiveMsg_Subscribe(self, message: Subscribe, sender: Address) -> None:
        if not self._loaded:
            return  # an empty fleet would be taken for the truth; the subscriber asks again soon
        everything = self._feed.subscribe(message, sender, self._host())
        if everything is not None:
            self.send(sender, everything)
        if self._journal is not None:
            self.send(self._journal, WatchJournal(sender))

    def receiveMsg_HostStorage(self, message: HostStorage, sender: Address) -> None:
        self._storage = message

    def _pulse(self) -> None:
        self._push()
        self.wake_after(PULSE_S, "pulse", 0)

    def on_wake(self, name: str, epoch: int) -> None:
        kind, _, part = name.partition(":")
        match kind:
            case "pulse":
                self._pulse()
            case "watch":
                self._watch()
            case "push":
                self._pushing = False
                self._push()
            case "release" if epoch == self._release:
                self._release_permits()
            case "reopen":
                self._open_again(part)
            case "start" if self._ending is None:
                self._start_or_retry(part)
            case "placed":
                self._placed(part)
            case _:
                super().on_wake(name, epoch)
