"""The dials of one transport: at most one that counts, and the cancelled ones whose threads are not back yet.

A cancelled dial that hangs in the resolver holds no socket: it is set aside, its late result closed and forgotten.
"""

import math
from collections.abc import Callable

from actors.dial_stages import Plan, UpgradeWire, dial_timeout
from actors.dialling import CANCELLED, Attempt, Dialled
from actors.target import Target, parse_target
from actors.tls import context_for
from core.config import TransportSettings
from core.failures import Failure, FailureKind
from core.protocol import Endpoint

MAX_LATE = 8
# A resolver that is silent is found within 10 s (fault row 11 of docs/reliability.md), not just after.
LOOK_UP_S = 9.5


class Dialler:
    """`upgrade`: performs the opening handshake. All times are on the caller's monotonic clock."""

    def __init__(self, settings: TransportSettings, upgrade: Callable[[UpgradeWire, Target], None]) -> None:
        self.settings = settings
        self._upgrade = upgrade
        self._attempt: Attempt | None = None
        self._ending: Failure | None = None  # why the attempt was cancelled
        self._give_up_s = math.inf
        self._resolved_by_s = math.inf
        self._late: list[Attempt] = []

    @property
    def running(self) -> bool:
        return self._attempt is not None

    @property
    def deadline_s(self) -> float | None:
        return None if self._attempt is None else min(self._give_up_s, self._resolved_by_s)

    def fds(self) -> list[int]:
        """What becomes readable when a thread is done."""
        attempts = self._late if self._attempt is None else [*self._late, self._attempt]
        return [attempt.fileno() for attempt in attempts]

    def start(self, endpoint: Endpoint, epoch: int, now_s: float) -> Failure | None:
        """Checks the endpoint and starts the thread; gives the failure that prevents it."""
        if len(self._late) >= MAX_LATE:
            return Failure(FailureKind.TIMEOUT, "the resolver does not answer: earlier look-ups still run")
        try:
            plan = self._plan(endpoint)
            if isinstance(plan, Failure):
                return plan
            attempt = Attempt(epoch)
        except OSError:
            return Failure(FailureKind.NETWORK, "no file descriptor is left for a connection")
        except MemoryError:
            raise  # says nothing about the endpoint, and a configuration that is wrong is never tried again
        except Exception as error:
            return Failure(FailureKind.CONFIG, f"the endpoint cannot be used ({type(error).__name__})")
        try:
            attempt.start(plan)
        except RuntimeError:
            attempt.dispose()
            return Failure(FailureKind.NETWORK, "no thread is left for a connection")
        self._attempt, self._ending = attempt, None
        self._give_up_s = now_s + self.settings.dial_timeout_s
        self._resolved_by_s = now_s + LOOK_UP_S
        return None

    def cancel(self, now_s: float, why: Failure = CANCELLED) -> None:
        """Ends the running attempt; its outcome is `why`, once its socket is closed."""
        if self._attempt is not None and self._ending is None:
            self._ending, self._resolved_by_s = why, math.inf
            self._give_up_s = now_s + self.settings.close_timeout_s
            self._attempt.cancel()

    def outcome(self, now_s: float) -> Dialled | Failure | None:
        """What became of the running attempt; None while it runs. No socket of it is left open but the one given."""
        attempt = self._attempt
        if attempt is None:
            return None
        if not attempt.done and self._ending is None:
            self._keep_deadlines(attempt, now_s)
        if attempt.done:
            self._attempt = None
            result = attempt.take()
            attempt.dispose()
            return self._ending or result
        # A thread that was not scheduled since the cancel still owns a socket, but one that is shut down.
        if self._ending is not None and (attempt.settled or now_s >= self._give_up_s):
            self._attempt = None
            self._late.append(attempt)
            return self._ending
        return None

    def _keep_deadlines(self, attempt: Attempt, now_s: float) -> None:
        if now_s >= self._give_up_s:
            self.cancel(now_s, dial_timeout(self.settings.dial_timeout_s, attempt.doing))
        elif now_s >= self._resolved_by_s:
            self._resolved_by_s = math.inf
            if attempt.looking_up:
                self.cancel(now_s, dial_timeout(LOOK_UP_S, attempt.doing))

    def reap(self) -> None:
        """Forgets the cancelled attempts whose threads are back."""
        for attempt in [late for late in self._late if late.done]:
            self._late.remove(attempt)
            attempt.dispose()

    def abandon(self) -> None:
        """Cancels and forgets everything; the threads close their sockets by themselves."""
        for attempt in self._late if self._attempt is None else [*self._late, self._attempt]:
            attempt.cancel()
            attempt.dispose()
        self._attempt, self._late = None, []

    def _plan(self, endpoint: Endpoint) -> Plan | Failure:
        target = parse_target(endpoint)
        if isinstance(target, Failure):
            return target
        context = context_for(endpoint.ca_file) if target.secure else None
        if isinstance(context, Failure):
            return context
        return Plan(target, context, self.settings, self._upgrade)
