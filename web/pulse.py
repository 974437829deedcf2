"""When the bridge renews its subscription, asks whether the root lives, and gives it up: pure, in monotonic seconds."""

from dataclasses import dataclass

RENEW_S = 5.0  # Subscribe and PingRoot
UNREADY_S = 0.5  # the same while the root is not ready, so that its first ready moment is seen
QUIET_S = 1.5  # the root pushes each second: after this much silence it is asked
SILENCE_S = 4.0  # nothing heard for this long, though asked: it is gone


@dataclass(slots=True)
class Pulse:
    """One connection's. `heard_s`: when anything arrived last; `unanswered_s`: the first question since then."""

    heard_s: float
    renewed_s: float = float("-inf")
    asked_s: float = float("-inf")
    unanswered_s: float | None = None

    def heard(self, now_s: float) -> None:
        self.heard_s, self.unanswered_s = now_s, None

    def lost(self, now_s: float) -> bool:
        """True when the root was asked and stayed silent; a bridge that was itself paused asks first."""
        if self.unanswered_s is None:
            return False
        return now_s - self.heard_s > SILENCE_S and now_s - self.unanswered_s > SILENCE_S - QUIET_S

    def renewal_due(self, now_s: float, *, ready: bool) -> bool:
        """Whether to subscribe and ask now; True counts as done."""
        if now_s - self.renewed_s < (RENEW_S if ready else UNREADY_S):
            return False
        self.renewed_s = now_s
        self._asked(now_s)
        return True

    def ping_due(self, now_s: float) -> bool:
        """Whether to ask now if the root is alive; True counts as done."""
        if now_s - max(self.heard_s, self.asked_s) < QUIET_S:
            return False
        self._asked(now_s)
        return True

    def wait_s(self, now_s: float, *, ready: bool) -> float:
        """How long nothing has to be done, if nothing arrives."""
        renew_s = self.renewed_s + (RENEW_S if ready else UNREADY_S)
        ask_s = max(self.heard_s, self.asked_s) + QUIET_S
        return max(0.0, min(renew_s, ask_s) - now_s)

    def _asked(self, now_s: float) -> None:
        self.asked_s = now_s
        if self.unanswered_s is None:
            self.unanswered_s = now_s
