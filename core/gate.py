"""Dial control: here the token bucket that paces dials to one upstream, and how often an operator may go past it.

Buckets are filled continuously at `rate` per second up to `burst`. Times are monotonic seconds.
"""

from dataclasses import dataclass, replace

# Whoever comes back exactly after the wait it was told must find its token, whatever floating point made of it. The
# token is then a little in debt, so that the bound (rate * time + burst) moves by no more than this once.
ROUNDING = 1e-4

# A force-retry brings its own permit, but not more often than this for one instance.
FORCE_INTERVAL_S = 5.0


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """`tokens` as of `at_s`; a fresh bucket is full."""

    rate: float
    burst: float
    tokens: float
    at_s: float

    @classmethod
    def full(cls, rate: float, burst: float, now_s: float) -> "TokenBucket":
        return cls(rate, burst, burst, now_s)


def filled(bucket: TokenBucket, now_s: float) -> TokenBucket:
    """The bucket as of now. A clock that went back (it should not) neither takes tokens away nor gives any twice."""
    at_s = max(now_s, bucket.at_s)
    tokens = min(bucket.burst, bucket.tokens + (at_s - bucket.at_s) * bucket.rate)
    return replace(bucket, tokens=tokens, at_s=at_s)


def take(bucket: TokenBucket, now_s: float) -> tuple[TokenBucket, float]:
    """Take one token; returns the bucket and the seconds to wait: 0 = taken, else nothing was taken."""
    now = filled(bucket, now_s)
    if now.tokens >= 1 - ROUNDING:
        return replace(now, tokens=now.tokens - 1), 0.0
    return now, (1 - now.tokens) / now.rate


def force_wait_s(last_s: float | None, now_s: float) -> float:
    """Seconds until an instance may be forced again; 0: now. `last_s`: when it last was, None = never."""
    if last_s is None:
        return 0.0
    # A clock that went back (it should not) makes nobody wait longer than the interval.
    return max(0.0, FORCE_INTERVAL_S - max(0.0, now_s - last_s))
