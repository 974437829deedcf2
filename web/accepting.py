"""Whether the threads that take HTTP connections still turn: what hangs or ended there leaves a process that looks well
from inside, with nobody behind its port.

Only these threads are judged. They wait for no worker, no actor and no client, so they turn twice a second also while
every worker is busy; a request that had to be answered in time would convict a process that has much to do.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from web.hardening import StrictServer

# They write a line for a refused request, and a disk may stand still for a while.
STUCK_S = 45.0


class Turns:
    """When each loop turned last. `clock`: monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_s: dict[object, float] = {}

    def turned(self, loop: object) -> None:
        self._turned_s[loop] = self._clock()

    def ended(self, loop: object) -> None:
        """It has ended as it was asked to: nothing more is expected of it."""
        self._turned_s.pop(loop, None)

    def stuck(self) -> bool:
        """Whether one of them stands still."""
        now_s = self._clock()
        return any(now_s - turned_s > STUCK_S for turned_s in tuple(self._turned_s.values()))


class TurningServer(StrictServer):
    """Notes each turn of the loop that takes its connections, and each of them: a full queue holds the loop for 1 s."""

    def __init__(self, turns: Turns, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._turns = turns
        self._loop: int | None = None

    def prepare(self) -> None:
        super().prepare()
        self._turns.turned(self)
        expire = self._connections._expire  # what cheroot's loop calls at every turn

        def expiring(threshold: float) -> None:
            self._turns.turned(self)
            expire(threshold)

        self._connections._expire = expiring

    def serve(self) -> None:
        self._loop = threading.get_ident()
        super().serve()

    def process_conn(self, conn: Any) -> None:
        if threading.get_ident() == self._loop:  # workers come here, too
            self._turns.turned(self)
        super().process_conn(conn)

    def stop(self) -> None:
        super().stop()
        self._turns.ended(self)  # only now, or its last turn would come after it
