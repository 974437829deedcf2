"""All processes of one actor system, found by their session, and the means to end every one of them.

The admin starts a session of its own and its descendants stay in it whoever their parent is, so none is overlooked and
none that belongs to somebody else is touched. Signals go through pidfds: a pid that was reused is never hit.
"""

import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_TERM_SHARE = 0.2
_KILL_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class StopReport:
    """How a stop went: processes that needed SIGTERM, that needed SIGKILL, and that are still there (pids)."""

    terminated: int
    killed: int
    left: tuple[int, ...]


def session_members(session_id: int) -> list[int]:
    """Pids of the session, zombies included."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _session(pid) == session_id]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def reap(session_id: int) -> list[int]:
    """Collect the ended children of this process that belong to the session; the members that remain.

    Orphans of the tree become children of the process that called `process.adopt_orphans`.
    """
    remaining = []
    for pid in session_members(session_id):
        try:
            collected, _ = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            collected = 0
        if not collected:
            remaining.append(pid)
    return remaining


def wait_until_gone(session_id: int, deadline_s: float) -> list[int]:
    """Wait until the session has no process left; the pids that remain at `deadline_s` (monotonic seconds)."""
    while (remaining := reap(session_id)) and (left_s := deadline_s - time.monotonic()) > 0:
        _wait_for_one(remaining, min(left_s, 0.1))
    return remaining


def _wait_for_one(pids: list[int], timeout_s: float) -> None:
    poll = select.poll()
    opened = []
    try:
        for pid in pids[:64]:
            with suppress(OSError):
                opened.append(os.pidfd_open(pid))
        for descriptor in opened:
            poll.register(descriptor, select.POLLIN)
        ready = poll.poll(timeout_s * 1000)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    if len(ready) == len(opened):
        # Only zombies that their parent has yet to collect: nothing announces that moment.
        select.poll().poll(min(timeout_s, 0.005) * 1000)


def signal_members(session_id: int, number: signal.Signals, spare: frozenset[int] = frozenset()) -> int:
    """Send a signal to every member but those in `spare`; how many it reached."""
    reached = 0
    for pid in session_members(session_id):
        if pid not in spare and _signal(pid, session_id, number):
            reached += 1
    return reached


def _signal(pid: int, session_id: int, number: signal.Signals) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if _session(pid) != session_id:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def end_session(session_id: int, ask: Callable[[float], None], deadline_s: float) -> StopReport:
    """Ask, then SIGTERM, then SIGKILL, until no process of the session is left.

    `ask(timeout_s)`: asks for a graceful end. `deadline_s`: seconds for everything; the last steps keep their share.
    """
    end_s = time.monotonic() + deadline_s
    term_s, kill_s = end_s - (_TERM_SHARE + _KILL_SHARE) * deadline_s, end_s - _KILL_SHARE * deadline_s
    ask(max(0.0, term_s - time.monotonic()))
    terminated = killed = 0
    remaining = wait_until_gone(session_id, term_s)
    if remaining:
        # The leader ends without ado, and everything below it with it: first let the others clean up.
        terminated = signal_members(session_id, signal.SIGTERM, frozenset({session_id}))
        remaining = wait_until_gone(session_id, kill_s)
    while remaining and time.monotonic() < end_s:
        killed += signal_members(session_id, signal.SIGKILL)
        remaining = wait_until_gone(session_id, min(end_s, time.monotonic() + 0.5))
    return StopReport(terminated, killed, tuple(remaining))
