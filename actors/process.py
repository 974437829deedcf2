"""What every process of the actor tree does first: die with its parent, leave a stack when it crashes.

Linux only: PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER (prctl(2)). Standard library only, so that it can be tested
without an actor system.
"""

import contextlib
import ctypes
import faulthandler
import gc
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing import util
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

CRASH_SIGNALS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT)

_libc = ctypes.CDLL(None, use_errno=True)
_crash_file: int | None = None
_last_words: Callable[[MemoryError], None] | None = None


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


def die_with_parent(parent_pid: int) -> None:
    """From now on the kernel sends SIGKILL to this process when its parent ends.

    A parent that ended before the request would never be noticed, so its pid is compared afterwards. The signal comes
    when the parent's *thread* that forked ends: only a main thread may start children.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os.kill(os.getpid(), signal.SIGKILL)


def forget_lookups() -> None:
    """Empty CPython's cache of attribute lookups before the forks.

    It holds names of everything that was imported; each one that a child replaces by its own has its reference count
    written, and with it a page copied: 0.2 MiB in each instance.
    """
    clear = getattr(sys, "_clear_internal_caches", None) or getattr(
        sys, "_clear_type_cache", None
    )  # 3.13; before
    if clear is not None:
        clear()


def adopt_orphans() -> None:
    """Processes below this one whose parent ends become its children, so that it can wait for every one of them."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def spare_what_is_shared() -> None:
    """Never again look through the objects that this process has from its parent for garbage.

    A full collection writes to every one of them, and each page that is written to is copied: 11 MiB, in every process,
    at some moment of its life.
    """
    gc.freeze()


def pipes_to_children() -> list[int]:
    """This process's ends of the pipes to the children that multiprocessing forked for it and that are still kept."""
    finalizers = list(util._finalizer_registry.values())  # type: ignore[attr-defined]
    return [each for one in finalizers if one._callback is util.close_fds for each in one._args]  # type: ignore[attr-defined]


def leave_crashes_to_the_kernel() -> None:
    """Crash signals end the process and Ctrl-C is the launcher's business.

    Thespian catches SIGSEGV in Python, where the faulting instruction runs again for ever.
    """
    # A forked child inherits the parent's faulthandler as enabled, and enabling it again would install nothing.
    faulthandler.disable()
    for number in CRASH_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def crash_path(folder: Path, pid: int) -> Path:
    """Where the process `pid` writes its stacks when a crash signal or SIGABRT ends it."""
    return folder / crash_name(pid)


def crash_name(pid: int) -> str:
    return f"crash-{pid}.txt"


def record_crashes(folder: Path) -> None:
    """Write the stacks of all threads to `crash_path` on a crash signal; to stderr when that can't be opened.

    A full disk must not keep an actor from starting. Without paths and file objects: this runs in each new process,
    and what is not used stays shared, 0.1 MiB.
    """
    global _crash_file
    path = f"{folder}/{crash_name(os.getpid())}"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        sambung_logger().warning("Crash stacks go to stderr: %s: %s", path, problem.strerror)
        faulthandler.enable(sys.__stderr__ or 2)
        return
    faulthandler.enable(descriptor)
    previous, _crash_file = _crash_file, descriptor
    if previous is not None:
        os.close(previous)


def leave_stack(folder: Path, error: BaseException) -> None:
    """Write an exception's stack where `crash_text` finds it; a full disk must not keep the process alive."""
    with contextlib.suppress(OSError):
        crash_path(folder, os.getpid()).write_text("".join(traceback.format_exception(error)), "utf-8")


def when_memory_fails(last_words: Callable[[MemoryError], None]) -> None:
    """`last_words` is called with a MemoryError that no handler of this process's actor met; it ends the process."""
    global _last_words
    _last_words = last_words


def memory_failed(error: MemoryError) -> None:
    """For the loop of a process: Thespian would end it without a word."""
    if _last_words is not None:
        _last_words(error)


def crash_text(folder: Path, pid: int) -> str | None:
    """The stacks that the ended process `pid` left, None when it left none. The file stays until they are stored."""
    try:
        return crash_path(folder, pid).read_text("utf-8", "replace") or None
    except FileNotFoundError:
        return None


def clear_crashes(folder: Path) -> None:
    """Make the folder and remove what processes of an earlier run left in it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("crash-*.txt"):
        path.unlink(missing_ok=True)


def boot_id() -> str:
    """A text that is the same until the host boots again: random(4)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def start_id(pid: int) -> str | None:
    """A text that is the same as long as `pid` is the same process: boot id and start time; None when there is none.

    A zombie counts as ended. Start time in clock ticks since boot: proc(5), field 22 of /proc/PID/stat.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
        boot = boot_id()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    state, start_ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}:{start_ticks}"


def sambung_logger() -> logging.Logger:
    """The project's named logger, never passed on to Thespian's.

    Thespian replaces the logging tree of each process after the fork (so look the logger up each time) and its root
    sends every record to another process: 233 per second, from inside the transport.
    """
    logger = logging.getLogger("sambung")
    if type(logging.root).__name__ == "ThespianLogForwarder":
        logger.propagate = False
    return logger
