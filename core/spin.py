"""Whether a process spins: how much of the CPU time that it could have had it used, over a period.

Of a processor that many want a spinning process gets a fraction, so the time that it waited for its turn is not idle.
The average over the whole period counts: a moment of rest does not hide a spin. Times are monotonic seconds.
"""

from dataclasses import dataclass

KEPT = 24  # samples a period; one more beside them is the latest
# Of the wall time: who gets less is starved, and may have work all the time without spinning.
LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class CpuTime:
    """What a process had used until `at_s`: seconds that it ran, seconds that it was ready to run and waited."""

    at_s: float
    run_s: float
    wait_s: float


Samples = tuple[CpuTime, ...]


def added(samples: Samples, now: CpuTime, period_s: float) -> Samples:
    """The samples with a new one: the last that is a period old, some later ones, the newest."""
    if len(samples) > 1 and now.at_s - samples[-2].at_s < period_s / KEPT:
        samples = samples[:-1]
    samples = (*samples, now)
    first = max((i for i, one in enumerate(samples) if one.at_s <= now.at_s - period_s), default=0)
    return samples[first:]


def percent(samples: Samples, period_s: float) -> float | None:
    """The share of the available CPU time used over the period; None while nothing can be said."""
    if not samples or samples[-1].at_s - samples[0].at_s < period_s:
        return None
    wall_s = samples[-1].at_s - samples[0].at_s
    run_s = samples[-1].run_s - samples[0].run_s
    available_s = wall_s - (samples[-1].wait_s - samples[0].wait_s)
    if run_s < LEAST_SHARE * wall_s:
        return None
    return min(100.0, 100.0 * run_s / max(available_s, run_s))
