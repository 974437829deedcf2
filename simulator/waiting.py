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
        seen = look()
        if predicate(seen):
            return seen
        if time.monotonic() >= end_s:
            raise TimeoutError(f"not within {deadline_s:g} s; last seen: {seen!r}")
        time.sleep(LOOK_EVERY_S)
