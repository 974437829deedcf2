"""Facts about processes from /proc, and ending them for sure. Linux only, standard library only."""

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from actors.process import start_id


@dataclass(frozen=True, slots=True)
class Process:
    """One process, told from a later one with the same pid by when it started (`actors.process.start_id`)."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The living process with this pid; None when there is none."""
        started = start_id(pid)
        return None if started is None else cls(pid, started)

    @property
    def alive(self) -> bool:
        return start_id(self.pid) == self.started

    def send(self, number: signal.Signals) -> bool:
        """Signal exactly this process; False when it has ended (a zombie has) or belongs to another user."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            if not self.alive:
                return False
            signal.pidfd_send_signal(descriptor, number)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True


def parents() -> dict[int, int]:
    """Every living process's parent, by pid."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = Path(f"/proc/{entry}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
                if fields[0] not in "ZX":
                    found[int(entry)] = int(fields[1])
    return found


def children_of(pid: int) -> list[Process]:
    """The living direct children of a single-threaded process."""
    try:
        pids = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        pids = [child for child, parent in parents().items() if parent == pid]
    return [process for process in map(Process.of, pids) if process is not None]


def descendants(pid: int) -> list[Process]:
    """All living processes below `pid`, parents before their children."""
    below: dict[int, list[int]] = {}
    for child, parent in parents().items():
        below.setdefault(parent, []).append(child)
    order, queue = [], [pid]
    while queue:
        children = below.get(queue.pop(0), [])
        queue += children
        order += children
    return [process for process in map(Process.of, order) if process is not None]


def wait_gone(processes: Iterable[Process], timeout_s: float) -> list[Process]:
    """Wait until all have ended (or are zombies); those that live on after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    left = [process for process in processes if process.alive]
    while left and (rest := deadline - time.monotonic()) > 0:
        _wait_for_one(left[0], rest)
        left = [process for process in left if process.alive]
    return left


def _wait_for_one(process: Process, timeout_s: float) -> None:
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return
    try:
        if process.alive:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(timeout_s * 1000)
    finally:
        os.close(descriptor)


def kill_all(processes: Iterable[Process], timeout_s: float) -> list[Process]:
    """SIGKILL to each; those that are still there after `timeout_s` seconds (stuck in the kernel)."""
    victims = list(processes)
    for process in victims:
        process.send(signal.SIGKILL)
    return wait_gone(victims, timeout_s)
