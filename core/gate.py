"""Fleet-level dial control: here the token bucket that paces dials to one upstream.

Buckets are filled continuously at `rate` per second up to `burst`. Times are monotonic seconds.
"""

from dataclasses import dataclass


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


def take(bucket: TokenBucket, now_s: float) -> tuple[TokenBucket, float]:
    """Take one token; returns the bucket and the seconds to wait: 0 = taken, else nothing was taken."""
    # A clock that went back (it should not) must not take tokens away.
    passed_s = max(0.0, now_s - bucket.at_s)
    tokens = min(bucket.burst, bucket.tokens + passed_s * bucket.rate)
    if tokens >= 1:
        return TokenBucket(bucket.rate, bucket.burst, tokens - 1, now_s), 0.0
    return TokenBucket(bucket.rate, bucket.burst, tokens, now_s), (1 - tokens) / bucket.rate
