"""The limit that the kernel keeps of a process's own memory: RLIMIT_DATA (setrlimit(2)), of all private memory since
Linux 4.7.

The ceiling `supervision.memory_mb` is looked at once per heartbeat and, from outside, once per second. Between two
looks a process can take gigabytes, and the host's memory with them; here an allocation fails instead (MemoryError), and
the process ends with its stack. Far above the ceiling, so that whatever grows slower meets that one first.
"""

import contextlib
import resource

from actors.consumption import status_bytes
from core.config import Settings
from core.watchdog import FAR, MIB

# Times the largest message: its bytes, their text, its event as JSON, the row, the pickle, the frame, and the next
# message meanwhile. Measured with six in a row of 16 MiB, all of letters that take several bytes: up to 27.
MESSAGE_FORMS = 32
NEAR = 0.75  # of its room


def room_bytes(settings: Settings) -> int:
    """How much more than at its start an instance's process may hold.

    Far beyond what its group lets pass (FAR times the ceiling); legal messages need their room on top of a process that
    is just below its ceiling.
    """
    ceiling = settings.supervision.memory_mb * MIB
    largest = max(settings.transport.max_message_bytes, settings.outbox.max_message_bytes)
    return ceiling + max(int(FAR * ceiling), MESSAGE_FORMS * largest)


class DataLimit:
    """This process's. What it has now counts as its start: most of that is shared with the one it was forked from."""

    def __init__(self) -> None:
        self._begun = status_bytes("VmData", "VmSize")
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_DATA)
        self._room = 0

    def keep(self, room: int) -> None:
        """From now on an allocation fails that would take the process beyond its start and `room` bytes more.

        Where the system does not count, there is no limit; where one was set already, it can only become lower.
        """
        if self._begun is not None and room != self._room:
            self._room = room
            wanted = self._begun[0] + room
            self._set(wanted if self._soft == resource.RLIM_INFINITY else min(wanted, self._soft))

    def lift(self) -> None:
        """No limit any more: the last words of a process need memory, too."""
        if self._room:
            self._set(self._hard)

    @property
    def near(self) -> bool:
        """Whether this process came near its limit once, also when it has given everything back since."""
        peak = status_bytes("VmPeak")
        if not self._room or peak is None or self._begun is None:
            return False
        return peak[0] - self._begun[1] > NEAR * self._room

    def explained(self) -> str:
        """For the stack of a MemoryError: how far the process may grow; "" without a limit."""
        if not self._room:
            return ""
        return f"A process of an instance may take {self._room // MIB} MiB beside what it has at its start."

    def _set(self, soft: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (soft, self._hard))
