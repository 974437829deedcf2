"""The group supervisor: at most 32 instances, each a child process. No I/O, no waiting, coalesced messages.

It starts what it is told to place, restarts what crashes within the restart intensity, quarantines what keeps
crashing, routes commands down and merges reports up.
"""

import signal
import time
from dataclasses import replace
from pathlib import Path

from setproctitle import setproctitle
from thespian.actors import ActorExitRequest

from actors import exits
from actors.beats import offered
from actors.group_reports import Child
from actors.group_watch import GroupWatch
from actors.holes import take_holes
from actors.instance import InstanceActor
from core.messages import (
    Address,
    CommandReply,
    ConfigureGroup,
    DropInstance,
    GroupStopped,
    InstanceCrashed,
    InstanceDropped,
    InstanceReport,
    InstanceStopped,
    JournalMoved,
    PlaceInstance,
    RestartInstance,
    Routed,
    SettingsChanged,
    StopGroup,
    StopInstance,
)
from core.records import CrashRecord
from core.supervision import Quarantine, after_crash
from store import logs

TERM_AFTER_S = 5.0
START_S = 5.0  # after which a process that said nothing holds nobody up


class GroupSupervisor(GroupWatch):
    # ── what the root says ───────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_ConfigureGroup(self, message: ConfigureGroup, sender: Address) -> None:
        first = self._setup is None
        self._setup, self._root = message, sender
        if first:
            self._watch()
            self._beat()
            take_holes()
        setproctitle(f"sambung: group {message.name}")
        logs.setup_logging(Path(message.log_dir), message.settings.log)

    def receiveMsg_PlaceInstance(self, message: PlaceInstance, sender: Address) -> None:
        record = message.record
        child = self._children.setdefault(record.instance_id, Child.of(message))
        self._seen_before(child, message.known)
        child.record, child.drop, child.quarantine = record, False, record.quarantine
        child.purge = child.purge or message.fresh
        if child.address is None:
            self._start(child)
        elif not child.stopping:
            self.send(child.address, self._configuration(child))

    def receiveMsg_DropInstance(self, message: DropInstance, sender: Address) -> None:
        child = self._children.get(message.instance_id)
        if child is None:
            return self.send(self._root, InstanceDropped(message.instance_id))
        child.drop, child.purge = True, message.purge
        return self._stop(child)

    def receiveMsg_StopGroup(self, message: StopGroup, sender: Address) -> None:
        self._ending = True
        for child in list(self._children.values()):
            child.drop = True
            self._stop(child)
        self._ended()

    def receiveMsg_SettingsChanged(self, message: SettingsChanged, sender: Address) -> None:
        if self._setup is not None:
            self._setup = replace(self._setup, settings=message.settings)
            logs.setup_logging(Path(self._setup.log_dir), message.settings.log)
            self._tell_all(message)

    def receiveMsg_JournalMoved(self, message: JournalMoved, sender: Address) -> None:
        if self._setup is not None:
            self._setup = replace(self._setup, journal=message.journal)
            self._tell_all(message)

    def receiveMsg_Routed(self, message: Routed, sender: Address) -> None:
        command = message.command
        child = self._children.get(command.instance_id)
        if child is None or child.drop:
            return self._refuse(message, "instance_not_found", f"Instance {command.instance_id} not found")
        if isinstance(command, RestartInstance):
            return self._restart(child, message)
        if child.quarantine is not None:
            return self._refuse(message, "quarantined", f"{child.quarantine}. Restart the instance.")
        if child.address is None or child.stopping:
            return self._refuse(message, "busy", "the instance's process is being restarted")
        return self.send(child.address, message)

    def _restart(self, child: Child, message: Routed) -> None:
        child.history, child.quarantine = (), None
        if child.address is None:
            self._start(child)
        else:
            self._stop(child)
        self.send(message.reply_to, CommandReply(message.command.ref, True))

    # ── what instances say ───────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_InstanceReport(self, message: InstanceReport, sender: Address) -> None:
        child = self._children.get(message.snapshot.instance_id)
        if child is None or child.address != sender:
            return
        child.pid, child.snapshot, child.told = message.snapshot.pid, message.snapshot, message.snapshot
        child.last_seen = (message.snapshot.at, message.snapshot.link_state == "open")
        child.purge = child.purge and (child.stopping or message.snapshot.epoch == 0)
        self._watchman.heard(message.snapshot.instance_id, time.monotonic())
        self._report(message.snapshot)
        self._started(message.snapshot.instance_id)

    def receiveMsg_InstanceStopped(self, message: InstanceStopped, sender: Address) -> None:
        self.send(sender, ActorExitRequest())

    # ── processes ────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, child: Child) -> None:
        if child.quarantine is not None:
            return self._show_quarantine(child)
        child.generation += 1
        child.stopping, child.pid, child.doom = False, None, None
        if not self._starts.ask(child.record.instance_id):
            return None
        self.wake_after(START_S, f"started:{child.record.instance_id}", child.generation)
        child.slot = child.slot or self._beats.take()
        child.slot.clear()
        try:
            with offered(child.slot):
                child.address = self.createActor(InstanceActor)
        # Whatever keeps a process from starting (memory, descriptors, pids) is a crash of this instance, not of ours.
        except Exception as error:
            self._crashed(child, 0, f"could not be started: {error}")
            return self._started(child.record.instance_id)
        self._watchman.add(child.record.instance_id, time.monotonic())
        return self.send(child.address, self._configuration(child))

    def _started(self, instance_id: str) -> None:
        """One more process is up, or will never be: whose turn is it?"""
        self._starts.done(instance_id)
        self._start_next()

    def _start_next(self) -> None:
        while (name := self._starts.next()) is not None:
            child = self._children.get(name)
            if child is not None and child.address is None and not child.stopping:
                self._start(child)

    def _stop(self, child: Child) -> None:
        if child.address is None:
            child.generation += 1
            return self._gone(child)
        if not child.stopping:
            child.stopping = True
            self._watchman.remove(child.record.instance_id)
            self.send(child.address, StopInstance(purge=child.drop and child.purge))
            self.wake_after(TERM_AFTER_S, f"term:{child.record.instance_id}", child.generation)
        return None

    def on_child_exited(self, address: Address) -> None:
        pid, cause = exits.taken(address)
        # Thespian's addresses compare equal before and after the child has its port; their texts don't.
        child = next((one for one in self._children.values() if one.address == address), None)
        if child is None:
            return
        child.address = None
        self._watchman.remove(child.record.instance_id)
        self._starts.done(child.record.instance_id)
        if child.stopping:
            self._gone(child)
        elif not pid and child.pid is None:
            self._postponed(child)
        else:
            self._crashed(child, pid, cause if child.doom is None else f"{child.doom}; {cause}")
        self._start_next()

    def _gone(self, child: Child) -> None:
        """A child that was asked to stop has ended."""
        child.stopping = False
        if not child.drop:
            return self._start(child)
        del self._children[child.record.instance_id]
        if child.slot is not None:
            self._beats.give_back(child.slot)
        self._merger.forget(child.record.instance_id)
        self.send(self._root, InstanceDropped(child.record.instance_id))
        return self._ended()

    def _ended(self) -> None:
        if self._ending and not self._children and self._setup is not None:
            self.send(self._root, GroupStopped(self._setup.name))

    def _crashed(self, child: Child, pid: int, cause: str) -> None:
        instance_id, last = child.record.instance_id, child.snapshot
        verdict = after_crash(child.history, time.monotonic(), self._policy)
        child.restarts += 1
        child.generation += 1
        record = CrashRecord(
            instance_id=instance_id,
            at=time.time(),
            pid=child.pid or pid,
            cause=cause,
            phase=last.link_state if last is not None else "starting",
            memory_bytes=last.memory_bytes if last is not None else None,
        )
        if isinstance(verdict, Quarantine):
            child.quarantine = verdict.reason
            self._show_quarantine(child)
        else:
            child.history = verdict.history
            self.wake_after(verdict.delay_s, f"start:{instance_id}", child.generation)
            self._show_crash(child, cause)
        self.send(self._root, InstanceCrashed(record, child.quarantine))

    def on_wake(self, name: str, epoch: int) -> None:
        kind, _, instance_id = name.partition(":")
        match kind:
            case "flush":
                return self._flush(epoch)
            case "watch":
                return self._watch()
            case "beat":
                return self._beat()
        child = self._children.get(instance_id)
        if child is None or child.generation != epoch:
            return None
        if kind == "start" and child.address is None:
            self._start(child)
        elif kind == "started":
            self._started(instance_id)
        elif kind in ("term", "kill") and child.stopping:
            self._end_process(child, signal.SIGTERM if kind == "term" else signal.SIGKILL)
        return None
