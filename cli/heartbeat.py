"""Heartbeats of the launcher's children, and the watchdog that judges them.

Each child stamps a page of memory that it shares with the launcher, from the loop that does its work: a process that
stands still, or whose loop does, stamps no more. It then gets SIGABRT, which writes its stacks to stderr, and SIGKILL;
the launcher starts it again as after any crash.
"""

import logging
import mmap
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from actors.beats import Slot
from actors.watchman import SIGNALS, Watchman, end_process
from cli.child import Child
from core.config import SupervisionSettings

log = logging.getLogger("sambung.launcher")

START_S = 60.0  # until the first heartbeat: imports and forks on a busy machine
# The web process stands in an attempt to reach the actors for up to 10 s.
LEAST_SILENCE_S = 15.0


def shared_page() -> int:
    """A descriptor of a page that processes can share."""
    descriptor = os.memfd_create("heartbeat", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, mmap.PAGESIZE)
    return descriptor


def slot_on(descriptor: int) -> Slot:
    """The heartbeat in such a page."""
    return Slot(mmap.mmap(descriptor, mmap.PAGESIZE), 0)


def beating(descriptor: int | None) -> Callable[[float], None]:
    """A child's sign of life, to be called at least every few seconds; nothing without a page.

    Its argument: for how many seconds more than usual it may be silent now, because it waits for something slow.
    """
    if descriptor is None:
        return lambda _busy_s: None
    slot = slot_on(descriptor)
    os.close(descriptor)
    return lambda busy_s: slot.write(time.monotonic() + busy_s)


class ChildWatch:
    """Judges the children that have a page. `policy`: the settings in force. Times are monotonic seconds."""

    def __init__(self, policy: Callable[[], SupervisionSettings]) -> None:
        self._policy = policy
        self._watchman = Watchman()
        self._slots: dict[str, Slot] = {}
        self._pids: dict[str, int | None] = {}
        self._look_at_s = 0.0

    def look(self, children: Iterable[Child], now_s: float) -> None:
        """Called often; ends who is silent."""
        if now_s < self._look_at_s:
            return
        policy = self._policy()
        policy = replace(policy, silence_s=max(LEAST_SILENCE_S, policy.silence_s))
        watched = {child.name: child for child in children if child.page is not None}
        for child in watched.values():
            self._hear(child, now_s)
        for name, verdict, why in self._watchman.check(now_s, policy):
            child = watched[name]
            log.error("watchdog: %s (pid %s): %s; %s", name, child.pid, why, verdict.value)
            end_process(child.pid, SIGNALS[verdict])
        self._look_at_s = now_s + self._watchman.wait_s

    def _hear(self, child: Child, now_s: float) -> None:
        assert child.page is not None
        if self._pids.get(child.name) != child.pid:
            self._pids[child.name] = child.pid
            self._watchman.remove(child.name)
            if child.pid is not None:
                self._watchman.add(child.name, now_s)
        slot = self._slots.setdefault(child.name, slot_on(child.page))
        beat = slot.read()
        if beat is not None and beat.at_s >= child.started_s:
            self._watchman.heard(child.name, beat.at_s)
        elif now_s - child.started_s < START_S:
            self._watchman.heard(child.name, now_s)
