"""The circuit breaker of one instance, as a table.

    closed ── too many failures ──▶ open ── reset_after_s passed ──▶ half-open ── stable ──▶ closed
                                     ▲                                   │
                                     └────────────── failure ────────────┘      (reset closes it from anywhere)

It trips when the failures inside the sliding window, or the failures in a row, reach the threshold. The second rule is
needed: with the default delays ten timeouts never fit into five minutes. Times are monotonic seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from core.config import BreakerSettings

# Bounds the memory of a breaker with a long window and a low delay; far above any sensible threshold.
MAX_REMEMBERED = 10_000


class BreakerState(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerInput(Enum):
    """FAILED: a counted failure. STABLE: the link stayed open. PROBE: try one dial. RESET: the operator's."""

    FAILED = "failed"
    STABLE = "stable"
    PROBE = "probe"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Breaker:
    """State, the times of failures inside the window (ascending), failures in a row, and when it opened."""

    state: BreakerState = BreakerState.CLOSED
    failures: tuple[float, ...] = ()
    consecutive: int = 0
    opened_at_s: float | None = None


def recent(breaker: Breaker, now_s: float, policy: BreakerSettings) -> tuple[float, ...]:
    """The failures still inside the window, oldest first."""
    return tuple(at for at in breaker.failures if at > now_s - policy.window_s)


def probe_at_s(breaker: Breaker, policy: BreakerSettings) -> float:
    """When an open breaker may probe."""
    assert breaker.opened_at_s is not None
    return breaker.opened_at_s + policy.reset_after_s


def step(breaker: Breaker, given: BreakerInput, now_s: float, policy: BreakerSettings) -> Breaker:
    """The breaker after one input."""
    return TRANSITIONS[breaker.state, given](breaker, now_s, policy)


Transition = Callable[[Breaker, float, BreakerSettings], Breaker]


def _counted(breaker: Breaker, now_s: float, policy: BreakerSettings) -> Breaker:
    failures = (*recent(breaker, now_s, policy), now_s)[-MAX_REMEMBERED:]
    return replace(breaker, failures=failures, consecutive=breaker.consecutive + 1)


def _count(breaker: Breaker, now_s: float, policy: BreakerSettings) -> Breaker:
    counted = _counted(breaker, now_s, policy)
    if max(len(counted.failures), counted.consecutive) < policy.failure_threshold:
        return counted
    return replace(counted, state=BreakerState.OPEN, opened_at_s=now_s)


def _reopen(breaker: Breaker, now_s: float, policy: BreakerSettings) -> Breaker:
    return replace(_counted(breaker, now_s, policy), state=BreakerState.OPEN, opened_at_s=now_s)


def _half_open(breaker: Breaker, now_s: float, policy: BreakerSettings) -> Breaker:
    return replace(breaker, state=BreakerState.HALF_OPEN)


def _close(breaker: Breaker, now_s: float, policy: BreakerSettings) -> Breaker:
    return Breaker()


def _same(breaker: Breaker, now_s: float, policy: BreakerSettings) -> Breaker:
    return breaker


TRANSITIONS: dict[tuple[BreakerState, BreakerInput], Transition] = {
    (BreakerState.CLOSED, BreakerInput.FAILED): _count,
    (BreakerState.CLOSED, BreakerInput.STABLE): _close,
    (BreakerState.CLOSED, BreakerInput.PROBE): _same,
    (BreakerState.CLOSED, BreakerInput.RESET): _close,
    # A failure of a dial that began before the breaker opened: counted, the open time is not prolonged.
    (BreakerState.OPEN, BreakerInput.FAILED): _counted,
    (BreakerState.OPEN, BreakerInput.STABLE): _close,
    (BreakerState.OPEN, BreakerInput.PROBE): _half_open,
    (BreakerState.OPEN, BreakerInput.RESET): _close,
    (BreakerState.HALF_OPEN, BreakerInput.FAILED): _reopen,
    (BreakerState.HALF_OPEN, BreakerInput.STABLE): _close,
    (BreakerState.HALF_OPEN, BreakerInput.PROBE): _same,
    (BreakerState.HALF_OPEN, BreakerInput.RESET): _close,
}
