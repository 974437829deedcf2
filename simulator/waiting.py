"""Waiting for something to become true, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_EVERY_S = 0.02


def wait_for(look: Callable[[], T], predicate: Callable[[T], object], deadline_s: float) -> T:
    """Look again and again until `predicate` holds; returns what was seen then.

    Raises TimeoutError that shows the last thing seen.
    """
    end_s = time.monotonic() + deadline_s
    while True:
        begun_s = time.monotonic()
        seen = look()
        if predicate(seen):
            return seen
        now_s = time.monotonic()
        if now_s >= end_s:
            raise TimeoutError(f"not within {deadline_s:g} s; last seen: {seen!r}")
        # A look that is much work must not keep the simulator busy with nothing else.
        time.sleep(max(LOOK_EVERY_S, 2 * (now_s - begun_s)))
