"""How many commands may be under way: each holds a worker thread until its answer, or until its time is over.

Measured with twelve workers: twelve messages to an instance that hangs kept everybody else out, /health/live too, for
http.command_timeout_s, and the next twelve again. Now a few commands per instance are under way at once, and of all
so many that workers are left for what asks no actor.

A healthy instance answers in milliseconds, so who finds its lane full waits a moment for its turn. That cannot hold
many workers for long: a full lane from which no answer has come for WAIT_S, and which nobody has entered in that time,
does not move, and who comes then is refused at once, until the commands in it are answered or given up.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from web.errors import ApiError

WAIT_S = 0.25
EACH = 2
LEFT_FREE = 2  # workers that neither commands nor event streams hold
RETRY_AFTER_S = 2


class _Lane:
    """`moved_s`: when a command last entered it or was answered."""

    __slots__ = ("limit", "moved_s", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.moved_s = 0.0


class _Waiter:
    """A command that has come and is not under way yet."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Lanes:
    """One lane for each name, of width `each`; `total` in all. `clock`: monotonic seconds, injected for tests."""

    def __init__(
        self, total: int, each: int, wait_s: float = WAIT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._all = _Lane(total)
        self._each = each
        self._wait_s = wait_s
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._queue: list[_Waiter] = []
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        return self._all.used

    @contextlib.contextmanager
    def under_way(self, name: str) -> Iterator[None]:
        """Inside, a place of this lane is held. Raises ApiError 503 busy when there is none within WAIT_S.

        An error from within counts as no answer: it is not taken for a sign that the lane moves.
        """
        self._enter(name)
        answered = False
        try:
            yield
            answered = True
        finally:
            self._leave(name, answered)

    def _enter(self, name: str) -> None:
        end_s = self._clock() + self._wait_s
        me = _Waiter(name)
        with self._changed:
            self._queue.append(me)
            try:
                while self._next() is not me:
                    full = self._full(name)
                    left_s = min(end_s, full.moved_s + self._wait_s) - self._clock()
                    if left_s <= 0:
                        raise _busy(name if full is not self._all else "")
                    self._changed.wait(left_s)
                self._take(name)
            finally:
                self._queue.remove(me)
                self._changed.notify_all()

    def _next(self) -> _Waiter | None:
        """Whose turn it is: in the order of coming, or who asks all the time would starve the others."""
        if self._all.used >= self._all.limit:
            return None
        return next((one for one in self._queue if self._full(one.name) is self._all), None)

    def _full(self, name: str) -> _Lane:
        """What a command has to wait for, if it has to: its own lane when that is full, else all of them."""
        lane = self._lanes.get(name)
        return self._all if lane is None or lane.used < lane.limit else lane

    def _take(self, name: str) -> None:
        for lane in (self._all, self._lanes.setdefault(name, _Lane(self._each))):
            lane.used += 1
            lane.moved_s = self._clock()

    def _leave(self, name: str, answered: bool) -> None:
        with self._changed:
            for lane in (self._all, self._lanes[name]):
                lane.used -= 1
                if answered:
                    lane.moved_s = self._clock()
            if not self._lanes[name].used:
                del self._lanes[name]
            self._changed.notify_all()


def command_lanes(threads: int, streams: int) -> Lanes:
    """The lanes of a pool of `threads` workers, `streams` of which event streams may hold."""
    total = max(1, threads - streams - LEFT_FREE)
    return Lanes(total, max(1, min(EACH, total // 2)))


def _busy(name: str) -> ApiError:
    whose = f"of instance {name} " if name else ""
    text = f"Earlier commands {whose}are not answered yet; try again in {RETRY_AFTER_S} s"
    return ApiError("busy", text, headers={"Retry-After": str(RETRY_AFTER_S)})
