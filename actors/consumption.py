"""What a process uses, as the kernel counts it: proc(5). None for one that has ended, or where it is not counted."""

import os

from core.spin import CpuTime


def cpu_time(pid: int, now_s: float) -> CpuTime | None:
    """Of its main thread: /proc/PID/schedstat, nanoseconds on a processor and in its queue."""
    try:
        run_ns, wait_ns, _ = _read(f"/proc/{pid}/schedstat").split()
        return CpuTime(now_s, int(run_ns) / 1e9, int(wait_ns) / 1e9)
    except (OSError, ValueError):
        return None


def _read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
