"""One child process of the launcher: what to run, how it fared, when it may start again."""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

log = logging.getLogger("sambung.launcher")

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: the child can't start because of its settings; starting it again won't help."""

HEALTHY_AFTER_S = 60.0
DELAY_MIN_S, DELAY_MAX_S = 0.2, 5.0


def restart_delay_s(failures: int) -> float:
    """Wait before the start after the n-th failure in a row (n from 1), in seconds: 0.2 doubling to 5."""
    doubled = DELAY_MIN_S * 2.0 ** min(failures - 1, 10)
    return min(doubled, DELAY_MAX_S)


def exit_text(status: int) -> str:
    """A wait status in words."""
    code = os.waitstatus_to_exitcode(status)
    return f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"


@dataclass(slots=True)
class Child:
    """`command`: argv of a Python program that calls `die_with_parent`; `hold`: makes the descriptors that this start
    passes on (None: not now, ask again later); `failures`: in a row, without HEALTHY_AFTER_S in between;
    `may_finish`: exit code 0 means that everything is done, not that it has to be started again; `page`: descriptor of
    the page for its heartbeats, told by `--beat`."""

    name: str
    command: Sequence[str]
    hold: Callable[[], Sequence[int] | None] = tuple
    may_finish: bool = False
    page: int | None = None
    pid: int | None = None
    failures: int = 0
    started_s: float = 0.0
    start_at_s: float = 0.0
    last_code: int | None = None
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    def start(self, now_s: float) -> bool:
        """Start the process when it is due; False when it was not, or what it needs is not free yet.

        A system that refuses (no process, a disk that became read-only) counts as a failed start: it is tried again.
        """
        if self.pid is not None or now_s < self.start_at_s:
            return False
        try:
            if not self._spawned():
                return False
        except OSError as error:
            log.error("%s could not be started: %s", self.name, error)
            self._failed(now_s)
            return False
        self.started_s = now_s
        return True

    def _spawned(self) -> bool:
        if (held := self.hold()) is None:
            return False
        shared = [] if self.page is None else [self.page]
        beat = [] if self.page is None else ["--beat", str(self.page)]
        try:
            for descriptor in (*held, *shared):
                os.set_inheritable(descriptor, True)
            self.pid = os.posix_spawn(self.command[0], [*self.command, *beat], self.environ, setsigmask=[])
        finally:
            for descriptor in held:
                os.close(descriptor)
            for descriptor in shared:  # the next child has no use for it
                os.set_inheritable(descriptor, False)
        return True

    def _failed(self, now_s: float) -> None:
        self.failures += 1
        self.start_at_s = now_s + restart_delay_s(self.failures)

    @property
    def finished(self) -> bool:
        return self.may_finish and self.pid is None and self.last_code == 0

    def ended(self, status: int, now_s: float) -> None:
        """Its process ended with this wait status: schedule the next start."""
        self.pid, self.last_code = None, os.waitstatus_to_exitcode(status)
        self.failures = 1 if now_s - self.started_s >= HEALTHY_AFTER_S else self.failures + 1
        self.start_at_s = now_s + restart_delay_s(self.failures)
