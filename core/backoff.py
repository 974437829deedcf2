"""How long to wait before the next attempt: a pure function of the attempt, the failure and one random number.

base = max(floor(kind), min(attempt * step_s, max_s)); delay = base + U(0, jitter * base).
"""

from core.config import RetrySettings
from core.failures import Failure, FailureKind

# An upstream that asks for more is not obeyed: an instance must not sleep for ever because of one header.
MAX_RETRY_AFTER_S = 86_400.0


def floor_s(kind: FailureKind, policy: RetrySettings) -> float:
    """The least wait, in seconds, after a failure of this kind."""
    return policy.timeout_delay_s if kind is FailureKind.TIMEOUT else policy.delay_s


def delay_s(
    attempt: int, failure: Failure, policy: RetrySettings, u: float, *, after_stable: bool = False
) -> float:
    """Seconds until attempt number `attempt` (1-based) may start.

    `u`: a random number in [0, 1). `after_stable`: the lost connection had been stable, so a blip costs only
    U(0, fast_first_s) (RFC 6455 §7.2.3). An upstream's Retry-After of up to a day is never undercut.
    """
    assert attempt >= 1
    assert 0 <= u < 1
    if after_stable and policy.fast_first_s > 0:
        wait_s = u * policy.fast_first_s
    else:
        base_s = max(floor_s(failure.kind, policy), min(attempt * policy.step_s, policy.max_s))
        wait_s = base_s + u * policy.jitter * base_s
    return max(wait_s, min(failure.retry_after_s or 0.0, MAX_RETRY_AFTER_S))
