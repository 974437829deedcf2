"""Is the root alive, and the admin? Pings and their answers, judged without a clock of its own."""

import math
from dataclasses import dataclass

INTERVAL_S = 2.0
# As long as other supervisors may be silent (supervision.silence_s): a thousand processes that start leave the root
# few turns on two cores, and building the tree anew would start them all again.
MISSES = 8


def misses(silence_s: float) -> int:
    """How many pings in a row a silence of that length leaves without answer; one alone may just be late."""
    return max(2, math.ceil(silence_s / INTERVAL_S))


@dataclass(slots=True)
class AnswerWatch:
    """`misses`: so many are too many; `unanswered`: pings in a row; `asked_s`: when the last one was sent, monotonic
    seconds."""

    misses: int = MISSES
    unanswered: int = 0
    asked_s: float | None = None

    def due_in_s(self, now_s: float) -> float:
        """Seconds until the next ping."""
        return 0.0 if self.asked_s is None else max(0.0, self.asked_s + INTERVAL_S - now_s)

    def asked(self, now_s: float) -> None:
        """A ping was sent. After a pause of this process counting begins anew."""
        self.unanswered = 1 if self._paused(now_s) else self.unanswered + 1
        self.asked_s = now_s

    def answered(self) -> None:
        self.unanswered = 0

    def failed(self, now_s: float) -> bool:
        """True when `misses` pings in a row were not answered within the interval."""
        return self.unanswered >= self.misses and self.due_in_s(now_s) == 0.0 and not self._paused(now_s)

    def _paused(self, now_s: float) -> bool:
        """This process is far behind its own plan: who is asked may have stood still as well."""
        return self.asked_s is not None and now_s - self.asked_s > 2 * INTERVAL_S
