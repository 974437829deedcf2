"""Who is still there: judging a child by the age of its last heartbeat.

A child that was silent for `silence_s` is told to write its stack (SIGABRT), and killed `abort_grace_s` later. A
checker that was itself late has learnt nothing from the ages it sees: a machine that was paused would convict
everyone, so then everyone gets a full new period. Times are monotonic seconds.
"""

from dataclasses import dataclass, replace
from enum import Enum

from core.config import SupervisionSettings
from core.spin import CpuTime, Samples, added, percent


@dataclass(frozen=True, slots=True)
class Watched:
    """`heard_s`: the last sign of life; `aborted_s`: when it was told to write its stack; `cpu`: what it used."""

    heard_s: float
    aborted_s: float | None = None
    cpu: Samples = ()


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


def judge(watched: Watched, now_s: float, policy: SupervisionSettings) -> tuple[Verdict, str]:
    """What to do about a child, and why."""
    if watched.aborted_s is not None:
        done = now_s - watched.aborted_s >= policy.abort_grace_s
        return (Verdict.KILL if done else Verdict.FINE), "did not end after SIGABRT"
    silent_s = now_s - watched.heard_s
    if silent_s >= policy.silence_s:
        return Verdict.ABORT, f"no heartbeat for {silent_s:.0f} s"
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
    return replace(watched, heard_s=now_s, cpu=())
