"""How often somebody may ask: wrong tokens per address, requests per token. Both count over the last minute."""

import ipaddress
import math
import time
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from store.logs import log_event
from web.peer import parsed
from web.windows import WINDOW_S, MonotonicStorage

# One customer of a provider has a whole /64 to take addresses from.
V6_PREFIX = 64


class Quotas:
    """What was counted. The answers are None for "go on", else the whole seconds to wait (Retry-After)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limiter = MovingWindowRateLimiter(MonotonicStorage(clock))
        self._refused: dict[str, float] = {}

    def failed(self, address: str, per_minute: int) -> int | None:
        """A wrong token came from this address; 0 per minute = no limit."""
        key = network_of(address)
        wait_s = self._hit("failed", key, per_minute)
        if wait_s is not None:
            self._tell_once(key, per_minute)
        return wait_s

    def asked(self, token_id: str, per_minute: int) -> int | None:
        """A request by this token; 0 per minute = no limit."""
        return self._hit("asked", token_id, per_minute)

    def _hit(self, kind: str, key: str, per_minute: int) -> int | None:
        if per_minute == 0:
            return None
        item = RateLimitItemPerMinute(per_minute)
        if self._limiter.hit(item, kind, key):
            return None
        free_at_s = self._limiter.get_window_stats(item, kind, key).reset_time
        return max(1, math.ceil(free_at_s - self._clock()))

    def _tell_once(self, key: str, per_minute: int) -> None:
        """One line a minute per guesser, whatever its speed."""
        now_s = self._clock()
        if self._refused.get(key, -math.inf) > now_s - WINDOW_S:
            return
        self._refused = {one: at_s for one, at_s in self._refused.items() if at_s > now_s - WINDOW_S}
        self._refused[key] = now_s
        text = f"More than {per_minute} wrong tokens in a minute from {key}: answering 429"
        log_event("auth.limited", text, "WARN", address=key)


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 network of V6_PREFIX bits."""
    found = parsed(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((found, V6_PREFIX), strict=False))
    return address if found is None else str(found)
