"""Counters without I/O: gauges with a peak, dials over time, sets of numbers as ranges."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

SECONDS_KEPT = 3600


@dataclass(slots=True)
class Gauge:
    """A number that goes up and down, and the highest it ever was; `total` counts along."""

    total: "Gauge | None" = None
    now: int = 0
    peak: int = 0

    def up(self) -> None:
        self.now += 1
        self.peak = max(self.peak, self.now)
        if self.total is not None:
            self.total.up()

    def down(self) -> None:
        self.now -= 1
        if self.total is not None:
            self.total.down()

    def forget(self) -> None:
        """Start the peak anew; what is there stays counted."""
        self.peak = self.now


@dataclass(slots=True)
class Gauges:
    """The gauges of an instance, or of a listener: TCP connections, accepted WebSockets, logged-in sessions."""

    sockets: Gauge = field(default_factory=Gauge)
    open: Gauge = field(default_factory=Gauge)
    sessions: Gauge = field(default_factory=Gauge)

    def part(self) -> "Gauges":
        """Gauges of one part, counted along here."""
        return Gauges(Gauge(self.sockets), Gauge(self.open), Gauge(self.sessions))

    def forget(self) -> None:
        for gauge in (self.sockets, self.open, self.sessions):
            gauge.forget()

    def counters(self) -> dict[str, int]:
        return {
            "sockets_now": self.sockets.now,
            "sockets_max": self.sockets.peak,
            "open_now": self.open.now,
            "open_max": self.open.peak,
            "sessions_now": self.sessions.now,
            "sessions_max": self.sessions.peak,
        }


@dataclass(slots=True)
class DialClock:
    """Dials over time: total, per calendar second (the last hour), and the most within any one second."""

    total: int = 0
    per_s_max: int = 0
    by_second: dict[int, int] = field(default_factory=dict)
    _last_second: deque[float] = field(default_factory=deque)

    def dialled(self, at_s: float) -> None:
        self.total += 1
        second = int(at_s)
        self.by_second[second] = self.by_second.get(second, 0) + 1
        if len(self.by_second) > SECONDS_KEPT:
            del self.by_second[next(iter(self.by_second))]
        self._last_second.append(at_s)
        while self._last_second[0] <= at_s - 1:
            self._last_second.popleft()
        self.per_s_max = max(self.per_s_max, len(self._last_second))


class Numbers:
    """A set of positive integers as ascending, disjoint, non-touching ranges: mostly one, whatever its size."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.count = 0

    def add(self, number: int) -> bool:
        """False when it was there already."""
        at = bisect_right(self._firsts, number)
        if at and number <= self._lasts[at - 1]:
            return False
        self.count += 1
        joins_left = at > 0 and self._lasts[at - 1] == number - 1
        joins_right = at < len(self._firsts) and self._firsts[at] == number + 1
        if joins_left and joins_right:
            self._lasts[at - 1] = self._lasts.pop(at)
            del self._firsts[at]
        elif joins_left:
            self._lasts[at - 1] = number
        elif joins_right:
            self._firsts[at] = number
        else:
            self._firsts.insert(at, number)
            self._lasts.insert(at, number)
        return True

    def ranges(self) -> tuple[tuple[int, int], ...]:
        return tuple(zip(self._firsts, self._lasts, strict=True))
