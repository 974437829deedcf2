"""The periodic sweep, as the root leads it: registry and journal look at the disk, the root at its snapshots.

It ends when both have answered and every overdue link was looked at twice, or at its own deadline; then it is logged
and shown. Answers that come later count in the next one.
"""

import time
from dataclasses import dataclass, field, replace

from actors.root_gates import RootGates
from core import cleanup
from core.cleanup import Stay
from core.config import Settings
from core.messages import (
    Address,
    CommandReply,
    DeleteLeftover,
    EndStale,
    InstanceDropped,
    JournalSwept,
    PurgeSession,
    RegistrySwept,
    RunCleanup,
    SweepJournal,
    SweepRegistry,
)
from core.sweeps import NOTHING_CAUGHT, Caught, Sweep
from store import logs

# The first sweep comes soon: a server that restarts often must be swept as well.
FIRST_SWEEP_S = 30.0
PARTS_S = 60.0
DAY_S = 86_400.0


@dataclass(slots=True)
class Running:
    """A sweep under way. `waiting`: whose answer is missing; `suspects`: what the first look found; `listed`: the
    session files were looked at."""

    started_s: float
    waiting: set[str]
    suspects: dict[str, Stay]
    caught: Caught = NOTHING_CAUGHT
    orphans: tuple[str, ...] = ()
    listed: bool = False
    problems: list[str] = field(default_factory=list)


class RootSweep(RootGates):
    """Sweeps, and what operators ask of them."""

    def __init__(self) -> None:
        super().__init__()
        self._running: Running | None = None
        self._number = 0
        self._due = 0
        self._late = NOTHING_CAUGHT
        self._known_orphans: frozenset[str] = frozenset()

    def _begin_sweeping(self) -> None:
        """Called once, at the start."""
        self._sweep_after(min(FIRST_SWEEP_S, self._settings.cleanup.interval_s))

    def _take_settings(self, settings: Settings) -> None:
        changed = settings.cleanup.interval_s != self._settings.cleanup.interval_s
        super()._take_settings(settings)
        if changed:
            self._sweep_after(settings.cleanup.interval_s)

    def _sweep_after(self, delay_s: float) -> None:
        """The next sweep, in place of the one that was due."""
        self._due += 1
        self.wake_after(delay_s, "sweep", self._due)

    def on_wake(self, name: str, epoch: int) -> None:
        match name:
            case "sweep" if epoch == self._due:
                self._sweep()
            case "look" if epoch == self._number:
                self._second_look()
            case "swept" if epoch == self._number and self._running is not None:
                self._running.problems += [
                    f"the {part} did not answer in {PARTS_S:g} s" for part in sorted(self._running.waiting)
                ]
                self._finish_sweep(self._running)

    def _sweep(self) -> None:
        self._sweep_after(self._settings.cleanup.interval_s)
        if self._running is not None or self._ending is not None:
            return
        now = time.time()
        self._number += 1
        suspects = cleanup.overdue(self._feed.instances.values(), self._settings, now)
        waiting = {"registry", "journal"} | ({"links"} if suspects else set())
        self._running = Running(time.monotonic(), waiting, suspects)
        self.wake_after(PARTS_S, "swept", self._number)
        if suspects:
            self.wake_after(cleanup.SECOND_LOOK_S, "look", self._number)
        oldest = now - self._settings.cleanup.crash_days * DAY_S
        for part, address, asked in (
            ("registry", self._registry, SweepRegistry(self._number, oldest)),
            ("journal", self._journal, SweepJournal(self._number)),
        ):
            if address is None:
                self._answered(part, problem=f"the {part} is being restarted")
            else:
                self.send(address, asked)

    def receiveMsg_RegistrySwept(self, message: RegistrySwept, sender: Address) -> None:
        caught = Caught(crash_records=message.crash_records, crash_files=message.crash_files)
        # A record may be new, or its process not quite gone.
        orphans = tuple(
            one for one in message.orphans if one not in self._records and one not in self._places.homes
        )
        self._answered("registry", message.number, caught, message.problem, orphans)

    def receiveMsg_JournalSwept(self, message: JournalSwept, sender: Address) -> None:
        self._answered("journal", message.number, Caught(events=message.events), message.problem)

    def _second_look(self) -> None:
        if self._running is None:
            return
        stale = cleanup.confirmed(self._running.suspects, self._feed.instances)
        for instance_id, stay in stale.items():
            why = f"{stay.state} for {time.time() - stay.since:.0f} s, allowed are {stay.limit_s:g} s"
            logs.log_event("cleanup.stale", f"Cleanup: {why}", "ERROR", instance_id, reason=why)
            if group := self._group_of(instance_id):
                self.send(group, EndStale(instance_id, stay.pid, why))
        self._answered("links", self._number, Caught(stale_links=len(stale)))

    def _answered(
        self,
        part: str,
        number: int | None = None,
        caught: Caught = NOTHING_CAUGHT,
        problem: str = "",
        orphans: tuple[str, ...] = (),
    ) -> None:
        """What one part found; the last one ends the sweep."""
        running = self._running
        if running is None or (number is not None and number != self._number) or part not in running.waiting:
            self._late = cleanup.plus(self._late, caught)
            return
        running.waiting.discard(part)
        running.caught = cleanup.plus(running.caught, caught)
        running.orphans += orphans
        running.listed = running.listed or (part == "registry" and not problem)
        running.problems += [problem] if problem else []
        if not running.waiting:
            self._finish_sweep(running)

    def _finish_sweep(self, running: Running) -> None:
        self._running = None
        orphans, before = frozenset(running.orphans), self._known_orphans
        if not running.listed:
            orphans = before  # not looked at is not gone
        for one in sorted(orphans - before):
            text = "Cleanup: a session file without instance is kept; delete it with: run.py cleanup delete"
            logs.log_event("cleanup.orphan", f"{text} {one}", "WARN", one)
        caught = cleanup.plus(running.caught, self._late)
        caught = cleanup.plus(caught, Caught(orphaned_sessions=len(orphans - before)))
        self._late, self._known_orphans = NOTHING_CAUGHT, orphans
        sweep = Sweep(
            at=time.time(),
            duration_s=time.monotonic() - running.started_s,
            caught=caught,
            orphans=tuple(sorted(orphans)[: cleanup.NAMED_SESSIONS]),
            orphan_count=len(orphans),
            problems=tuple(running.problems),
        )
        self._show_sweep(sweep)

    def _show_sweep(self, sweep: Sweep) -> None:
        self._last_sweep, self._swept = sweep, cleanup.plus(self._swept, sweep.caught)
        caught = sweep.caught
        level = "WARN" if caught.stale_links or sweep.problems else "INFO"
        logs.log_event(
            "cleanup.done",
            cleanup.told(sweep),
            level,
            duration_s=round(sweep.duration_s, 3),
            stale_links=caught.stale_links,
            orphaned_sessions=sweep.orphan_count,
            crash_records=caught.crash_records,
            crash_files=caught.crash_files,
            events=caught.events,
            problems=list(sweep.problems),
        )
        self._push_soon()

    # ── what operators ask, and what removing an instance leaves ─────────────────────────────────────────────────

    def receiveMsg_RunCleanup(self, message: RunCleanup, sender: Address) -> None:
        if not self._loaded:
            return self._refuse(sender, message.ref, "busy", "the registry is still loading")
        self._sweep()
        return self.send(sender, CommandReply(message.ref, True, data={"running": True}))

    def receiveMsg_DeleteLeftover(self, message: DeleteLeftover, sender: Address) -> None:
        one = message.instance_id
        if one in self._records or one in self._places.homes:
            text = f"Instance {one} is configured: remove the instance instead"
            return self._refuse(sender, message.ref, "instance_exists", text)

        def gone() -> None:
            self._forget_orphan(one)
            self._done(sender, message.ref)

        return self._ask_registry(PurgeSession(message.ref, one), sender, gone, lambda: None)

    def _forget_orphan(self, one: str) -> None:
        """It was just deleted; a sweep under way may have seen it before."""
        self._known_orphans -= {one}
        if self._running is not None:
            self._running.orphans = tuple(name for name in self._running.orphans if name != one)
        last = self._last_sweep
        if last is not None and one in last.orphans:
            left = tuple(name for name in last.orphans if name != one)
            self._last_sweep = replace(last, orphans=left, orphan_count=last.orphan_count - 1)
            self._push_soon()

    def receiveMsg_InstanceDropped(self, message: InstanceDropped, sender: Address) -> None:
        one = message.instance_id
        if one in self._records:
            return
        self._places.leave(one)
        self._gate.forget(one)
        # A process deletes its own file when it is told to; one that was quarantined or killed did not.
        if self._registry is not None:
            self.send(self._registry, PurgeSession("", one))
