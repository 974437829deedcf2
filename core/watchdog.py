"""Who is still there: judging a child by the age of its last heartbeat.

A child that was silent for `silence_s` is told to write its stack (SIGABRT), and killed `abort_grace_s` later. A
checker that was itself late has learnt nothing from the ages it sees: a machine that was paused would convict
everyone, so then everyone gets a full new period. Times are monotonic seconds.
"""

from dataclasses import dataclass, replace
from enum import Enum

from core.config import SupervisionSettings


@dataclass(frozen=True, slots=True)
class Watched:
    """`heard_s`: the last sign of life; `aborted_s`: when it was told to write its stack; `hot_s`: since when it uses
    too much CPU without a break."""

    heard_s: float
    aborted_s: float | None = None
    hot_s: float | None = None


class Verdict(Enum):
    FINE = "fine"
    ABORT = "abort"
    KILL = "kill"


def heard(watched: Watched, now_s: float, cpu_percent: float | None, policy: SupervisionSettings) -> Watched:
    """A sign of life, with the share of one core used since the last one (None: not known)."""
    hot = cpu_percent is not None and cpu_percent >= policy.cpu_percent
    hot_s = (watched.hot_s if watched.hot_s is not None else now_s) if hot else None
    return replace(watched, heard_s=now_s, hot_s=hot_s)


def judge(watched: Watched, now_s: float, policy: SupervisionSettings) -> tuple[Verdict, str]:
    """What to do about a child, and why."""
    if watched.aborted_s is not None:
        done = now_s - watched.aborted_s >= policy.abort_grace_s
        return (Verdict.KILL if done else Verdict.FINE), "did not end after SIGABRT"
    silent_s = now_s - watched.heard_s
    if silent_s >= policy.silence_s:
        return Verdict.ABORT, f"no heartbeat for {silent_s:.0f} s"
    if watched.hot_s is not None and now_s - watched.hot_s >= policy.cpu_period_s:
        return Verdict.ABORT, f"used {policy.cpu_percent:g} % or more of a core for {policy.cpu_period_s:g} s"
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
    return replace(watched, heard_s=now_s, hot_s=None)
