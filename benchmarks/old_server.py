"""The retry policy of the server that this product replaces, on the simulated clock.

Every link by itself: after the n-th failure in a row a wait of max(15 s or 30 s after a timeout, min(n · 5 s, 60 s)),
without jitter, without a pace for the fleet; forgotten at every open connection. Ten failures within five minutes stop
the link for ten minutes. Source: docs/reliability.md, "The old server's policy".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.simulated import Clock, Upstream
from core.failures import Failure, FailureKind

DELAY_S, TIMEOUT_DELAY_S, STEP_S, MOST_S = 15.0, 30.0, 5.0, 60.0
THRESHOLD, WINDOW_S, STOPPED_S = 10, 300.0, 600.0


@dataclass(slots=True)
class OldLink:
    """`failed`: in a row; `failures`: when, within the window."""

    failed: int = 0
    failures: tuple[float, ...] = ()


class OldServer:
    """All links of one upstream, all open at first. `down`: those that are not; `dials`: when each began."""

    def __init__(self, clock: Clock, names: Iterable[str], upstream: Upstream) -> None:
        self.clock = clock
        self.upstream = upstream
        self.links = {name: OldLink() for name in names}
        self.down: set[str] = set()
        self.dials: list[float] = []

    def lose_all(self) -> None:
        """Every connection breaks at this moment: the first failure of each."""
        self.down = set(self.links)
        for name in self.links:
            self._failed(name, FailureKind.UPSTREAM)

    def _failed(self, name: str, kind: FailureKind) -> None:
        link, now_s = self.links[name], self.clock.now_s
        link.failed += 1
        link.failures = (*(at_s for at_s in link.failures if at_s > now_s - WINDOW_S), now_s)
        if len(link.failures) >= THRESHOLD:
            self.links[name] = OldLink()
            wait_s = STOPPED_S
        else:
            least_s = TIMEOUT_DELAY_S if kind is FailureKind.TIMEOUT else DELAY_S
            wait_s = max(least_s, min(link.failed * STEP_S, MOST_S))
        self.clock.at(now_s + wait_s, lambda: self._dial(name))

    def _dial(self, name: str) -> None:
        self.dials.append(self.clock.now_s)
        answer = self.upstream.dialled(name, self.clock.now_s)
        self.clock.at(self.clock.now_s + answer.after_s, self._ended(name, answer.failure))

    def _ended(self, name: str, failure: Failure | None) -> Callable[[], None]:
        def end() -> None:
            if failure is not None:
                self._failed(name, failure.kind)
                return
            self.links[name] = OldLink()
            self.down.discard(name)

        return end
