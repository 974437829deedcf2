"""Words to the service manager: sd_notify(3) in a few lines, silent without NOTIFY_SOCKET."""

import contextlib
import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass

READY = "READY=1"
ALIVE = "WATCHDOG=1"
ENDING = "STOPPING=1"
SEND_S = 0.2  # a manager that does not read must not stop us


@dataclass(slots=True)
class Manager:
    """`address`: of its socket; `every_s`: how often it wants to hear that we live, None when it does not watch."""

    address: str = ""
    every_s: float | None = None
    due_s: float = 0.0

    @classmethod
    def taken_from(cls, environ: MutableMapping[str, str]) -> "Manager":
        """What it told this process; children must not take it for theirs."""
        address, period_us, pid = (
            environ.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
        )
        wanted = address and period_us.isdecimal() and int(period_us) > 0 and pid in ("", str(os.getpid()))
        # Half of it, as sd_watchdog_enabled(3) advises.
        return cls(address, int(period_us) / 2e6 if wanted else None)

    def tell(self, state: str) -> None:
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.settimeout(SEND_S)
            end.sendto(state.encode(), address)

    def alive(self, now_s: float) -> None:
        """Called by the loop that does the work, more often than it has to be told."""
        if self.every_s is not None and now_s >= self.due_s:
            self.due_s = now_s + self.every_s
            self.tell(ALIVE)
