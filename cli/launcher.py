"""The launcher: a small process without threads that runs two children and restarts either.

It waits for signals and child exits with sigtimedwait, so that no handler ever runs between two instructions. It is
the subreaper of everything below: a process whose parent ended becomes its child, is seen, and is ended.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from actors.process import adopt_orphans
from cli.child import EXIT_CONFIG, Child, exit_text
from cli.heartbeat import ChildWatch
from cli.notify import ENDING, READY, Manager
from cli.processes import Process, children_of, descendants, kill_all
from core.config import SupervisionSettings

log = logging.getLogger("sambung.launcher")

STOP_S = 6.5  # asked to stop: time for the children to end by themselves; the whole stop takes at most 10 s
ORPHAN_S = 1.0
TICK_S = 0.5
FIRST_TRIES = 5  # a child that fails this often before the first readiness stops the start
STOPPING = (signal.SIGTERM, signal.SIGINT)
HEARD = (signal.SIGCHLD, signal.SIGHUP, *STOPPING)


def hear(timeout_s: float) -> signal.Signals | None:
    """The next signal of HEARD, None when the time is over.

    A process that is stopped (SIGSTOP) beyond the timeout gets whatever lies in memory from CPython's sigtimedwait: its
    loop ends with EINTR and fills the answer all the same. That number is one of ours only if the signal came before.
    """
    heard = signal.sigtimedwait(HEARD, timeout_s)
    return signal.Signals(heard.si_signo) if heard and heard.si_signo in HEARD else None


@dataclass(slots=True)
class Launcher:
    """`is_ready`: asked every tick until it is true, then `on_ready`, until that has done its work (True). SIGHUP is
    passed on to the children.

    `tries`: failures in a row of a child that make a first start hopeless. `stop_s`: how long the children may take
    to end by themselves. `manager`: the service manager; `alive`: a sign of life for who started this one; `watch`:
    judges children by their heartbeats. `run` returns the exit code.
    """

    children: Sequence[Child]
    is_ready: Callable[[], bool]
    on_ready: Callable[[], bool]
    tries: int = FIRST_TRIES
    stop_s: float = STOP_S
    ready: bool = False
    terminal: bool = field(default_factory=lambda: os.isatty(2))
    manager: Manager = field(default_factory=Manager)
    alive: Callable[[float], None] = lambda _busy_s: None
    watch: ChildWatch = field(default_factory=lambda: ChildWatch(SupervisionSettings))
    _strays: dict[Process, float] = field(default_factory=dict)

    def run(self) -> int:
        """Until SIGTERM or SIGINT (0), or until the first start turns out to be hopeless (1)."""
        adopt_orphans()
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        try:
            return self._loop()
        finally:
            self.end_all()

    def _loop(self) -> int:
        while True:
            self._start_due()
            self._say_alive()
            number = hear(TICK_S) or signal.SIGCHLD
            if number in STOPPING or (number is signal.SIGHUP and self._terminal_gone()):
                log.info("stopping: %s", number.name)
                self._ask_to_stop()
                return 0
            if number is signal.SIGHUP:
                self._tell(signal.SIGHUP)
            # Before the reaping: a child that was ready and then killed between two looks is no hopeless start.
            if not self.ready and self._all_running() and self.is_ready():
                self.ready = self.on_ready()
                if self.ready:
                    self.manager.tell(READY)
            self._reap()
            self.watch.look(self.children, time.monotonic())
            if any(child.finished for child in self.children):
                return 0
            self._end_strays()
            if not self.ready and self._hopeless():
                self._ask_to_stop()
                return 1

    def _say_alive(self) -> None:
        self.manager.alive(time.monotonic())
        self.alive(0.0)

    def _terminal_gone(self) -> bool:
        """A SIGHUP because the terminal was closed is no request to reload."""
        return self.terminal and not os.isatty(2)

    def _start_due(self) -> None:
        for child in self.children:
            if child.start(time.monotonic()):
                log.info("started %s, pid %s", child.name, child.pid)

    def _all_running(self) -> bool:
        return all(child.pid is not None for child in self.children)

    def _hopeless(self) -> bool:
        for child in self.children:
            if child.pid is None and child.last_code == EXIT_CONFIG:
                log.error("%s cannot start: see its message above", child.name)
                return True
            if child.failures >= self.tries:
                log.error("%s failed (%d in a row): giving up", child.name, child.failures)
                return True
        return False

    def _reap(self) -> None:
        """Collect every ended process below: the children, and orphans that came to this process."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self.children:
                if child.pid == pid:
                    level = logging.INFO if status == 0 else logging.WARNING
                    log.log(level, "%s (pid %d) %s", child.name, pid, exit_text(status))
                    child.ended(status, time.monotonic())

    def _end_strays(self) -> None:
        """A direct child that is none of ours lost its parent; the kernel should have ended it with the parent."""
        now_s, ours = time.monotonic(), {child.pid for child in self.children}
        strays = [process for process in children_of(os.getpid()) if process.pid not in ours]
        self._strays = {stray: self._strays.get(stray, now_s) for stray in strays}
        for stray, since_s in self._strays.items():
            if now_s - since_s >= ORPHAN_S:
                log.warning("ending the orphaned process %d", stray.pid)
                stray.send(signal.SIGKILL)

    def _tell(self, number: signal.Signals) -> None:
        for child in self.children:
            process = Process.of(child.pid) if child.pid is not None else None
            if process is not None:
                process.send(number)

    def _ask_to_stop(self) -> None:
        """SIGTERM to the children and time to end; a second request to stop cuts it short."""
        self.manager.tell(ENDING)
        self._tell(signal.SIGTERM)
        deadline = time.monotonic() + self.stop_s
        self._reap()
        while any(child.pid for child in self.children) and (rest := deadline - time.monotonic()) > 0:
            if hear(rest) in STOPPING:
                log.warning("asked to stop again: ending everything now")
                return
            self._reap()

    def end_all(self) -> None:
        """End whatever is still below this process, and make sure of it."""
        deadline = time.monotonic() + 2.5
        while left := descendants(os.getpid()):
            for stuck in kill_all(left, max(0.0, deadline - time.monotonic())):
                log.error("process %d does not end", stuck.pid)
            self._reap()
            if time.monotonic() > deadline:
                return
        self._reap()
