"""What a process uses, as the kernel counts it: proc(5). None for one that has ended, or where it is not counted."""

import os

from core.spin import CpuTime

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_time(pid: int, now_s: float) -> CpuTime | None:
    """Of its main thread: /proc/PID/schedstat, nanoseconds on a processor and in its queue."""
    try:
        run_ns, wait_ns, _ = _read(f"/proc/{pid}/schedstat").split()
        return CpuTime(now_s, int(run_ns) / 1e9, int(wait_ns) / 1e9)
    except (OSError, ValueError):
        return None


def private_bytes(pid: int | str = "self") -> int | None:
    """Resident memory that no other process shares, roughly: resident minus shared pages of /proc/PID/statm."""
    try:
        fields = _read(f"/proc/{pid}/statm").split()
        return (int(fields[1]) - int(fields[2])) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return None


def exact_private_bytes(pid: int) -> int | None:
    """The same without what is still shared with the process that it was forked from; slower the larger it is."""
    try:
        lines = _read(f"/proc/{pid}/smaps_rollup").decode("ascii").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
    except (OSError, ValueError, IndexError):
        return None


def status_bytes(*names: str) -> tuple[int, ...] | None:
    """Figures of this process's /proc/self/status, in bytes; None where one is missing."""
    try:
        status = _read("/proc/self/status").decode("ascii")
        return tuple(int(status.split(f"\n{name}:", 1)[1].split(None, 1)[0]) * 1024 for name in names)
    except (OSError, ValueError, IndexError):
        return None


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
