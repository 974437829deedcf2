"""What to do about a child that ended: a sliding window of restarts, as a pure function.

At most `max_restarts` in `period_s`; one more and the instance is quarantined until the operator restarts it.
"""

from dataclasses import dataclass

from core.config import SupervisionSettings


@dataclass(frozen=True, slots=True)
class Restart:
    """Start a replacement after `delay_s`; `history` holds the times of the restarts in the period."""

    delay_s: float
    history: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Do not start it again; `reason` is for the operator."""

    reason: str


def after_crash(
    history: tuple[float, ...], now_s: float, policy: SupervisionSettings
) -> Restart | Quarantine:
    """The verdict on a crash at `now_s` (monotonic), given the earlier restarts' times."""
    inside = recent(history, now_s, policy)
    if len(inside) >= policy.max_restarts:
        return Quarantine(
            f"crashed {len(inside) + 1} times within {policy.period_s:g} s "
            f"({policy.max_restarts} restarts are allowed)"
        )
    return Restart(delay_s(len(inside), policy), (*inside, now_s))


def recent(history: tuple[float, ...], now_s: float, policy: SupervisionSettings) -> tuple[float, ...]:
    """The times in the history that still count; older ones say nothing about a process of today."""
    return tuple(at for at in history if at > now_s - policy.period_s)


def delay_s(earlier: int, policy: SupervisionSettings) -> float:
    """The wait before a restart after `earlier` restarts in the period: doubling from delay_min_s to delay_max_s."""
    doublings = min(earlier, 32)
    return float(min(policy.delay_min_s * 2**doublings, policy.delay_max_s))
