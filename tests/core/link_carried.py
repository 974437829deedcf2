"""Links carried from one process to the next through the store."""

import json
from dataclasses import replace

from core.breaker import Breaker, BreakerState
from core.failures import Failure, FailureKind
from core.link_state import Link, LinkState, export, restore

# The monotonic clocks of two processes, and the wall clock, have nothing to do with each other.
OLD_NOW_S = 50_000.0
NEW_NOW_S = 7.0
WALL_S = 1_790_000_000.0

TRIPPED = Breaker(BreakerState.OPEN, (OLD_NOW_S - 200, OLD_NOW_S - 100), 10, OLD_NOW_S - 100)


def carried(link: Link, passed_s: float = 0.0) -> Link:
    """The link after its process was replaced `passed_s` seconds (of the wall clock) later."""
    stored = json.loads(json.dumps(export(link, OLD_NOW_S, WALL_S), allow_nan=False))
    return restore(stored, NEW_NOW_S, WALL_S + passed_s)


BAN = Failure(FailureKind.TEMP_BANNED, "banned for a while", retry_after_s=100.0)


def parked(failure: Failure, **more: float | bool) -> Link:
    link = Link(LinkState.PARKED, wanted=True, failure=failure, since_s=OLD_NOW_S - 30)
    return replace(link, **more)  # type: ignore[arg-type]
