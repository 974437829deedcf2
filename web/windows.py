"""The times of what is counted, for the moving window of `limits`, on a monotonic clock.

The library's own memory storage reads the wall clock (one that is set back by a day would lock everybody out for a
day) and starts a thread for almost every request.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable

from limits.storage import MovingWindowSupport, Storage

WINDOW_S = 60
# Above so many names the ones that do not count any more are forgotten.
SWEEP_ABOVE = 1000


class MonotonicStorage(Storage, MovingWindowSupport):
    """The times of what was counted, newest last. Callable from any thread. `clock`: monotonic seconds."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}
        self._sweep_above = SWEEP_ABOVE

    @property
    def base_exceptions(self) -> type[Exception]:
        return KeyError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` more, unless more than `limit` would be inside the last `expiry` seconds."""
        with self._lock:
            times = self._fresh(key, expiry)
            if len(times) + amount > limit:
                return False
            times.extend([self._clock()] * amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest that counts was counted, and how many count."""
        with self._lock:
            times = self._fresh(key, expiry)
            return (times[0] if times else self._clock()), len(times)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with self._lock:
            times = self._fresh(key, expiry)
            times.extend([self._clock()] * amount)
            return len(times)

    def get(self, key: str) -> int:
        with self._lock:
            return len(self._times.get(key, ()))

    def get_expiry(self, key: str) -> float:
        with self._lock:
            times = self._times.get(key)
            return (times[-1] if times else self._clock()) + WINDOW_S

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            count = len(self._times)
            self._times.clear()
            return count

    def clear(self, key: str) -> None:
        with self._lock:
            self._times.pop(key, None)

    def _fresh(self, key: str, expiry: int) -> deque[float]:
        """The times of this key that still count; to be called with the lock held."""
        oldest_s = self._clock() - expiry
        if len(self._times) > self._sweep_above:
            self._times = {name: times for name, times in self._times.items() if _last(times) > oldest_s}
            self._sweep_above = max(SWEEP_ABOVE, 2 * len(self._times))
        times = self._times.setdefault(key, deque())
        while times and times[0] <= oldest_s:
            times.popleft()
        return times


def _last(times: deque[float]) -> float:
    return times[-1] if times else -math.inf
