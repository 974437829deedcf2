"""Whether the kernel just killed for want of memory: its counter of such kills (proc(5), /proc/vmstat, since 4.13).

A process that it kills sees SIGKILL like any other; its own messages are root's alone (dmesg_restrict), and a process
may be in another cgroup than its parent. The counter is readable for all and counts the kills in every cgroup of the
host, so a kill elsewhere within the same seconds looks the same: what is said here is when, not whom.
"""

import contextlib
from pathlib import Path

VMSTAT = Path("/proc/vmstat")


def kills() -> int | None:
    """Processes killed for want of memory since the boot; None where the kernel does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in VMSTAT.read_text("ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return None


class Lookout:
    """Compares the counter with an earlier look."""

    def __init__(self) -> None:
        self._noted: int | None = None

    def note(self) -> None:
        """What happened until now explains nothing that comes."""
        self._noted = kills()

    def explains(self) -> bool:
        """Whether the kernel killed since the last `note`; each of its kills explains one end only."""
        before, now = self._noted, kills()
        if before is None or now is None or now <= before:
            return False
        self._noted = before + 1
        return True
