"""The group's watchdog: it ends children that hang or spin, waits when none can be made, and beats for the root."""

import signal
import time
from dataclasses import replace

from actors import exits
from actors.consumption import cpu_time, exact_private_bytes, private_bytes
from actors.group_gates import GroupGates
from actors.group_reports import Child
from actors.limits import shortage
from actors.watchman import SIGNALS, end_process
from core.config import SupervisionSettings
from core.messages import Address, EndStale, GroupReport
from core.snapshot import InstanceSnapshot
from core.watchdog import MIB
from store import logs

KILL_AFTER_S = 2.0
MEASURE_S = 1.0
DRIFT_S = 0.1  # between two processes' readings of both clocks


class GroupWatch(GroupGates):
    """Heartbeats of the children judged, and its own sent."""

    _measured_s = float("-inf")

    @property
    def _policy(self) -> SupervisionSettings:
        assert self._setup is not None
        return self._setup.settings.supervision

    def _end_process(self, child: Child, number: signal.Signals) -> None:
        """An instance that does not stop when asked: SIGTERM, then SIGKILL."""
        if end_process(exits.child_pid(self, child.address), number):
            self.wake_after(KILL_AFTER_S, f"kill:{child.record.instance_id}", child.generation)

    def _watch(self) -> None:
        """End who hangs or spins; what follows is the same as after any crash."""
        self._read_beats()
        self._measure()
        exits.note_kills()
        for instance_id, verdict, why in self._watchman.check(time.monotonic(), self._policy):
            child = self._children[instance_id]
            child.doom = child.doom or why
            logs.log_event("watchdog", f"Watchdog: {why}; {verdict.value}", "ERROR", instance_id, reason=why)
            end_process(exits.child_pid(self, child.address), SIGNALS[verdict])
        self.wake_after(self._watchman.wait_s, "watch", 0)

    def _read_beats(self) -> None:
        """Heartbeats that were no messages."""
        offset_s = time.time() - time.monotonic()
        for instance_id, child in self._children.items():
            beat = child.slot.read() if child.slot is not None and child.address is not None else None
            if beat is None or child.snapshot is None:
                continue
            self._watchman.heard(instance_id, beat.at_s)
            child.last_seen = (beat.at_s + offset_s, child.snapshot.link_state == "open")
            self._frame_seen(child, child.snapshot, beat.last_frame_s)

    def _measure(self) -> None:
        """What each process uses; it need not be asked, so one that hangs is seen as well."""
        now_s = time.monotonic()
        if now_s - self._measured_s < MEASURE_S:
            return
        self._measured_s = now_s
        for instance_id, child in self._children.items():
            if child.pid is None:
                continue
            if (cpu := cpu_time(child.pid, now_s)) is not None:
                self._watchman.measured(instance_id, cpu, self._policy)
            self._measure_memory(instance_id, child.pid, now_s)

    def _measure_memory(self, instance_id: str, pid: int, now_s: float) -> None:
        """The cheap figure counts pages of the group's own too: above the ceiling the exact one decides."""
        used, ceiling = private_bytes(pid), self._policy.memory_mb * MIB
        if used is not None and used > ceiling:
            exact = exact_private_bytes(pid)
            used = used if exact is None else exact
        if used is not None:
            self._watchman.grown(instance_id, now_s, used, self._policy)

    def _frame_seen(self, child: Child, known: InstanceSnapshot, last_frame_s: float | None) -> None:
        """Gates and ages live by the last frame, which is no reason for an instance to send a report."""
        if last_frame_s is None or known.link_state != "open":
            return
        last_frame_at = round(last_frame_s + time.time() - time.monotonic(), 3)
        if last_frame_at > (known.last_frame_at or 0.0) + DRIFT_S:
            child.snapshot = replace(known, last_frame_at=last_frame_at)
            self._report(child.snapshot)

    def _postponed(self, child: Child) -> None:
        """No process came to be, which says nothing about the instance: try again, however often."""
        why = f"no process can be started: {shortage() or 'see the log of the actor system'}; trying again"
        if child.snapshot is None or child.snapshot.reason != why:
            logs.log_event("instance.blocked", why, "ERROR", child.record.instance_id, reason=why)
            self._synthesise(child, "waiting", why, None)
        self.wake_after(self._policy.delay_max_s, f"start:{child.record.instance_id}", child.generation)

    def receiveMsg_EndStale(self, message: EndStale, sender: Address) -> None:
        """What the sweep found hanging in a state that should have ended long ago; its stack tells where."""
        child = self._children.get(message.instance_id)
        if child is None or child.pid != message.pid or child.stopping:
            return
        if self._watchman.condemn(message.instance_id, time.monotonic()):
            child.doom = child.doom or message.why
            end_process(exits.child_pid(self, child.address), signal.SIGABRT)

    def _beat(self) -> None:
        """The group's own heartbeat: its merged reports, also when there are none."""
        assert self._setup is not None
        self._count_absences()
        self.send(self._root, GroupReport(self._setup.name, ()))
        self.wake_after(self._policy.heartbeat_s, "beat", 0)
