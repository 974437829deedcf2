"""Who is still there: judging a child by the age of its last heartbeat.

A child that was silent for `silence_s` is told to write its stack (SIGABRT), and killed `abort_grace_s` later; so is
one that spins or grows beyond its ceiling. A checker that was itself late has learnt nothing from the ages it sees: a
machine that was paused would convict everyone, so then everyone gets a full new period. Times are monotonic seconds.
"""

from dataclasses import dataclass, replace
from enum import Enum

from core.config import SupervisionSettings
from core.spin import CpuTime, Samples, added, percent

MIB = 1024 * 1024
FAR = 1.5  # times the ceiling: it does not wait for its own look
OWN_LOOKS = 2.0  # heartbeats


@dataclass(frozen=True, slots=True)
class Watched:
    """`heard_s`: the last sign of life; `aborted_s`: when it was told to write its stack; `cpu`: what it used;
    `memory_bytes`: private memory, `over_s`: since when above the ceiling."""

    heard_s: float
    aborted_s: float | None = None
    cpu: Samples = ()
    memory_bytes: int = 0
    over_s: float | None = None


class Verdict(Enum):
    FINE = "fine"
    ABORT = "abort"
    KILL = "kill"


def heard(watched: Watched, now_s: float) -> Watched:
    """A sign of life."""
    return replace(watched, heard_s=now_s)


def measured(watched: Watched, cpu: CpuTime, policy: SupervisionSettings) -> Watched:
    """What its process has used until now."""
    return replace(watched, cpu=added(watched.cpu, cpu, policy.cpu_period_s))


def grown(watched: Watched, now_s: float, memory_bytes: int, policy: SupervisionSettings) -> Watched:
    """How much memory its process has now."""
    since_s = now_s if watched.over_s is None else watched.over_s
    over_s = since_s if memory_bytes > policy.memory_mb * MIB else None
    return replace(watched, memory_bytes=memory_bytes, over_s=over_s)


def _too_large(watched: Watched, now_s: float, policy: SupervisionSettings) -> bool:
    """A process looks at itself at each heartbeat; it is ended from outside when it did not, or grows too fast."""
    if watched.over_s is None:
        return False
    far = watched.memory_bytes > FAR * policy.memory_mb * MIB
    return far or now_s - watched.over_s > OWN_LOOKS * policy.heartbeat_s


def judge(watched: Watched, now_s: float, policy: SupervisionSettings) -> tuple[Verdict, str]:
    """What to do about a child, and why."""
    if watched.aborted_s is not None:
        done = now_s - watched.aborted_s >= policy.abort_grace_s
        return (Verdict.KILL if done else Verdict.FINE), "did not end after SIGABRT"
    silent_s = now_s - watched.heard_s
    if silent_s >= policy.silence_s:
        return Verdict.ABORT, f"no heartbeat for {silent_s:.0f} s"
    if _too_large(watched, now_s, policy):
        mib = watched.memory_bytes // MIB
        return Verdict.ABORT, f"private memory {mib} MiB, the ceiling is {policy.memory_mb} MiB"
    used = percent(watched.cpu, policy.cpu_period_s)
    if used is not None and used >= policy.cpu_percent:
        return (
            Verdict.ABORT,
            f"used {used:.0f} % of the CPU time that it could get for {policy.cpu_period_s:g} s",
        )
    return Verdict.FINE, ""


def due_s(watched: Watched, policy: SupervisionSettings) -> float:
    """When silence alone changes the verdict."""
    if watched.aborted_s is not None:
        return watched.aborted_s + policy.abort_grace_s
    return watched.heard_s + policy.silence_s


def aborted(watched: Watched, now_s: float) -> Watched:
    return replace(watched, aborted_s=now_s)


def late(expected_s: float, now_s: float, policy: SupervisionSettings) -> bool:
    """Whether the checker's own timer came so late that the ages say nothing."""
    return now_s - expected_s > policy.checker_late_s


def pardoned(watched: Watched, now_s: float) -> Watched:
    """A full new period, as if heard just now."""
    return replace(watched, heard_s=now_s, cpu=(), over_s=None)
