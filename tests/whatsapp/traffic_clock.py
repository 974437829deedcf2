"""The simulated time of a run, and its chance: what happens next follows from the seed alone."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable

START_S = 1_800_000_000.0


class Clock:
    """`now_s`: epoch seconds. `chance`: the only source of randomness of the world around the clients."""

    def __init__(self, seed: int) -> None:
        self.now_s = START_S
        self.chance = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, when_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(when_s, self.now_s), next(self._order), act))

    def after(self, for_s: float, act: Callable[[], None]) -> None:
        self.at(self.now_s + for_s, act)

    def run(self, for_s: float) -> None:
        end_s = self.now_s + for_s
        while self._events and self._events[0][0] <= end_s:
            self.now_s, _, act = heapq.heappop(self._events)
            act()
        self.now_s = end_s

    def every(self, mean_s: float, act: Callable[[], None], until_s: float) -> None:
        """Again and again, at random moments of this mean distance; 0 = never."""
        if mean_s <= 0:
            return

        def again() -> None:
            if self.now_s < until_s:
                act()
                self.after(self.chance.expovariate(1 / mean_s), again)

        self.after(self.chance.expovariate(1 / mean_s), again)
