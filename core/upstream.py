"""The upstream gate: who may dial one upstream, judged by how everybody's dials went.

    up ── most dials fail, nobody succeeds, no open link was heard ──▶ down ── a dial succeeds ──▶ recovering ──▶ up
    any ── this client version is refused ──▶ closed (until a configuration changes or another version runs)

Up and recovering: permits flow from a token bucket, in random order. Down: one permit at a time, to a canary, at
growing intervals; everybody else waits and collects no failures. When nobody waits, since all are behind backoff or
breaker, one of them is summoned. So a long outage costs one dial every few seconds, and its end lets everybody back at
the bucket's rate. Times are monotonic seconds; `choose` picks one of the waiting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from core.config import GateSettings
from core.failures import FailureKind
from core.gate import TokenBucket, take

WINDOW_S = 30.0
LEAST_FAILED = 3
RENEW_S = 10.0
FORGET_S = 2.5 * RENEW_S
PROBE_GROWTH = 1.5
SUMMON_S = 0.5  # for the way of a summons to the instance and of its request back

# Failures that say something about the upstream and not about one instance.
CONVICTING = frozenset({FailureKind.NETWORK, FailureKind.TIMEOUT, FailureKind.UPSTREAM})

Choose = Callable[[Sequence[str]], str]


class GateState(Enum):
    UP = "up"
    DOWN = "down"
    RECOVERING = "recovering"
    CLOSED = "closed"


REASONS = {
    GateState.UP: "waiting for a permit: dials are paced",
    GateState.DOWN: "the upstream is down: one canary at a time dials",
    GateState.RECOVERING: "the upstream is back: waiting for a permit",
    GateState.CLOSED: "the upstream refuses this client version",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """How an instance's last dial went: `failed` None = it succeeded."""

    at_s: float
    failed: FailureKind | None


class UpstreamGate:
    """One upstream as seen through one egress. `since_s`: when the state began."""

    def __init__(self, settings: GateSettings, now_s: float) -> None:
        self.settings = settings
        self.state = GateState.UP
        self.since_s = now_s
        self.probe_interval_s = settings.probe_min_s
        self.next_probe_s = now_s
        self._bucket = TokenBucket.full(settings.connect_rate, max(1.0, settings.connect_rate), now_s)
        self._waiting: dict[str, tuple[int, float]] = {}
        self._tried: dict[str, Tried] = {}

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def reason(self) -> str:
        """Why a request is held, for people."""
        return REASONS[self.state]

    def ask(self, instance_id: str, epoch: int, now_s: float) -> bool:
        """A request for a permit: True = granted; False = held, to be renewed within RENEW_S."""
        if self.state is GateState.UP and not self._waiting and self._take(now_s):
            return True
        self._waiting[instance_id] = (epoch, now_s)
        return False

    def release(self, now_s: float, choose: Choose) -> list[tuple[str, int]]:
        """Permits for those who wait: (instance, epoch), as many as may dial now."""
        self._waiting = {name: one for name, one in self._waiting.items() if now_s - one[1] < FORGET_S}
        granted: list[tuple[str, int]] = []
        while self._waiting and self._may_release(now_s):
            name = choose(tuple(self._waiting))
            granted.append((name, self._waiting.pop(name)[0]))
        if self.state is GateState.RECOVERING and not self._waiting and not granted:
            self._enter(GateState.UP, now_s)
        return granted

    def summon(self, candidates: Sequence[str], now_s: float, choose: Choose) -> str | None:
        """Who has to ask for a permit, so that somebody notices the end of the outage; `candidates` would not yet."""
        if not self.lonely(now_s):
            return None
        self.next_probe_s = now_s + SUMMON_S
        return choose(candidates) if candidates else None

    def lonely(self, now_s: float) -> bool:
        """Down, and a canary is due, but nobody waits."""
        return self.state is GateState.DOWN and not self._waiting and now_s >= self.next_probe_s

    def next_release_s(self, now_s: float) -> float | None:
        """Seconds until `release` or `summon` may have something to do; None while nothing is pending."""
        match self.state:
            case GateState.CLOSED:
                return None
            case GateState.DOWN:
                return max(0.0, self.next_probe_s - now_s)
            case GateState.UP | GateState.RECOVERING:
                pending = bool(self._waiting) or self.state is GateState.RECOVERING
                return 1.0 / self.settings.connect_rate if pending else None
        assert_never(self.state)

    def outcome(
        self, instance_id: str, failed: FailureKind | None, now_s: float, heard_s: float | None
    ) -> bool:
        """How a dial went; `heard_s`: when any open link of this upstream last received a frame. True = state changed.

        A link that is open and heard says that the upstream lives, whatever some instances meet.
        """
        before = self.state
        self._tried[instance_id] = Tried(now_s, failed)
        if failed is FailureKind.OUTDATED:
            self.close(now_s)
        elif failed is None and self.state is GateState.DOWN:
            self._recover(now_s)
        elif self.state in (GateState.UP, GateState.RECOVERING) and self._convicted(now_s, heard_s):
            self._enter(GateState.DOWN, now_s)
            self.probe_interval_s = self.settings.probe_min_s
            self.next_probe_s = now_s + self.probe_interval_s
        return self.state is not before

    def close(self, now_s: float) -> None:
        """This client version is refused: nobody waits for a permit any more."""
        self._enter(GateState.CLOSED, now_s)
        self._waiting.clear()

    def reopen(self, now_s: float) -> None:
        """Another configuration or version may be let in."""
        if self.state is GateState.CLOSED:
            self._tried.clear()
            self._enter(GateState.UP, now_s)

    def forget(self, instance_id: str) -> None:
        """The instance is gone."""
        self._waiting.pop(instance_id, None)
        self._tried.pop(instance_id, None)

    def reconfigure(self, settings: GateSettings, now_s: float) -> None:
        """Changed settings: the pace from now on."""
        if settings != self.settings:
            self.settings = settings
            burst = max(1.0, settings.connect_rate)
            self._bucket = TokenBucket(settings.connect_rate, burst, min(self._bucket.tokens, burst), now_s)

    def _may_release(self, now_s: float) -> bool:
        match self.state:
            case GateState.CLOSED:
                return False
            case GateState.DOWN:
                return self._probe_due(now_s)
            case GateState.UP | GateState.RECOVERING:
                return self._take(now_s)
        assert_never(self.state)

    def _probe_due(self, now_s: float) -> bool:
        if now_s < self.next_probe_s:
            return False
        self.next_probe_s = now_s + self.probe_interval_s
        self.probe_interval_s = min(self.probe_interval_s * PROBE_GROWTH, self.settings.probe_max_s)
        return True

    def _convicted(self, now_s: float, heard_s: float | None) -> bool:
        self._tried = {name: one for name, one in self._tried.items() if now_s - one.at_s < WINDOW_S}
        if heard_s is not None and now_s - heard_s < WINDOW_S:
            return False
        outcomes = [one.failed for one in self._tried.values()]
        if None in outcomes:
            return False
        convicting = sum(1 for kind in outcomes if kind in CONVICTING)
        return convicting >= LEAST_FAILED and 2 * convicting >= len(outcomes)

    def _recover(self, now_s: float) -> None:
        """Permits flow again, at the bucket's rate from the first one on: no burst onto an upstream that just rose."""
        self._enter(GateState.RECOVERING, now_s)
        self._tried = {name: one for name, one in self._tried.items() if one.failed is None}
        rate = self.settings.connect_rate
        self._bucket = TokenBucket(rate, max(1.0, rate), 0.0, now_s)

    def _take(self, now_s: float) -> bool:
        self._bucket, wait_s = take(self._bucket, now_s)
        return wait_s == 0

    def _enter(self, state: GateState, now_s: float) -> None:
        if state is not self.state:
            self.state, self.since_s = state, now_s
