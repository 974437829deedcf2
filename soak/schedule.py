"""When which fault is next: shuffled decks, so that every kind comes, none too often. Times: monotonic seconds."""

import random

from soak.faults import GENTLE, HARD, SINGLE, Fault

Kinds = tuple[Fault, ...]
EVERY_S: dict[Kinds, tuple[float, float]] = {
    SINGLE: (1.0, 3.0),
    GENTLE: (20.0, 40.0),
    # Their links have to be stable again before single faults may hit them.
    HARD: (100.0, 140.0),
}


class Schedule:
    """Single faults begin at `begin_s`, the others after their first interval."""

    def __init__(self, draw: random.Random, begin_s: float) -> None:
        self._draw = draw
        self._decks: dict[Kinds, list[Fault]] = {kinds: [] for kinds in EVERY_S}
        self._due_s = dict.fromkeys(EVERY_S, begin_s)
        self.again(GENTLE, begin_s)
        self.again(HARD, begin_s)

    def due(self, kinds: Kinds, now_s: float) -> bool:
        return now_s >= self._due_s[kinds]

    def again(self, kinds: Kinds, now_s: float) -> None:
        """The next one of these comes after their interval."""
        self._due_s[kinds] = now_s + self._draw.uniform(*EVERY_S[kinds])

    def drawn(self, kinds: Kinds) -> Fault:
        """The next fault of these."""
        deck = self._decks[kinds]
        if not deck:
            deck += [one for one in kinds for _ in range(one.weight)]
            self._draw.shuffle(deck)
        return deck.pop()
