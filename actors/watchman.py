"""Watches children by their heartbeats: the shell around `core.watchdog`, used by groups and by the root."""

import contextlib
import math
import os
import select
import signal
from pathlib import Path

from actors.process import crash_text
from core import watchdog
from core.config import SupervisionSettings
from core.spin import CpuTime
from core.watchdog import Verdict, Watched

CHECK_S = 2.5
CHECK_MIN_S = 0.05

SIGNALS = {Verdict.ABORT: signal.SIGABRT, Verdict.KILL: signal.SIGKILL}


class Watchman:
    """Whom to watch, by name. Times are monotonic seconds. `wait_s`: when to check next, after each check."""

    def __init__(self) -> None:
        self.wait_s = CHECK_S
        self._watched: dict[str, Watched] = {}
        self._expected_s: float | None = None

    def add(self, name: str, now_s: float) -> None:
        """A new process: it has a full period for its first heartbeat."""
        self._watched[name] = Watched(now_s)

    def remove(self, name: str) -> None:
        self._watched.pop(name, None)

    def heard(self, name: str, now_s: float) -> None:
        """A sign of life at that time; one that is older than what is known says nothing."""
        if name in self._watched and now_s > self._watched[name].heard_s:
            self._watched[name] = watchdog.heard(self._watched[name], now_s)

    def measured(self, name: str, cpu: CpuTime, policy: SupervisionSettings) -> None:
        """What its process has used until now."""
        if name in self._watched:
            self._watched[name] = watchdog.measured(self._watched[name], cpu, policy)

    def grown(self, name: str, now_s: float, memory_bytes: int, policy: SupervisionSettings) -> None:
        """How much private memory its process has now."""
        if name in self._watched:
            self._watched[name] = watchdog.grown(self._watched[name], now_s, memory_bytes, policy)

    def condemn(self, name: str, now_s: float) -> bool:
        """Somebody else saw that it hangs: told to end now, it is killed by a later check. False when not watched."""
        if name not in self._watched:
            return False
        self._watched[name] = watchdog.aborted(self._watched[name], now_s)
        return True

    def check(self, now_s: float, policy: SupervisionSettings) -> list[tuple[str, Verdict, str]]:
        """Who must be ended now, how, and why; call it again after `wait_s`."""
        expected_s = self._expected_s
        convicted = []
        if expected_s is not None and watchdog.late(expected_s, now_s, policy):
            self._watched = {name: watchdog.pardoned(one, now_s) for name, one in self._watched.items()}
        else:
            convicted = self._convicted(now_s, policy)
        # Not a moment after the silence that convicts, or the stack's grace, is over.
        due_s = min((watchdog.due_s(one, policy) for one in self._watched.values()), default=math.inf)
        self.wait_s = min(CHECK_S, max(CHECK_MIN_S, due_s - now_s))
        self._expected_s = now_s + self.wait_s
        return convicted

    def _convicted(self, now_s: float, policy: SupervisionSettings) -> list[tuple[str, Verdict, str]]:
        convicted: list[tuple[str, Verdict, str]] = []
        for name, one in self._watched.items():
            verdict, why = watchdog.judge(one, now_s, policy)
            if verdict is not Verdict.FINE:
                convicted.append((name, verdict, why))
                self._watched[name] = watchdog.aborted(one, now_s)
        return convicted


def last_words(pid: int, folder: Path, grace_s: float) -> str:
    """Tell a process that hangs to end with its stack, wait for that, and return the stack; "" when there is none."""
    if not end_process(pid, signal.SIGABRT):
        return ""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [], grace_s)
        finally:
            os.close(descriptor)
    with contextlib.suppress(OSError):
        return crash_text(folder, pid) or ""
    return ""


def end_process(pid: int | None, number: signal.Signals) -> bool:
    """Send a signal through a pidfd, so that it can't hit a process that got the number since. True when sent.

    Without a descriptor left (EMFILE) the number alone has to do: a child's is not given anew before it was reaped.
    """
    if pid is None:
        return False
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    except OSError:
        return _killed(pid, number)
    try:
        signal.pidfd_send_signal(fd, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)


def _killed(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
