"""A model of the world around one link: a transport, a gate, a clock, an operator.

The model knows which socket exists, which timers run, which permits were asked for and what parked the link. After
every event the link must agree with it: `link_laws` says in what, `test_link_machine` moves everything at random.
"""

from dataclasses import dataclass

import pytest
from hypothesis import event
from hypothesis.stateful import RuleBasedStateMachine

from core import link as links
from core import loglines
from core.breaker import BreakerState
from core.config import BreakerSettings, RetrySettings, Settings
from core.effects import AskPermit, CloseTransport, Dial, LinkEffect, Publish, Record, ReportDial, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Event,
    ForceRetry,
    ProcessEnds,
    Reconfigured,
    ResetBreaker,
    Unwant,
    Want,
)
from core.link_state import Context, Link, LinkState, Verdict, export, restore, verdict

# A wall clock that has nothing to do with the monotonic one.
WALL_S = 1_790_000_000.0

# Small numbers, so that random walks reach the breaker.
QUICK = Settings(
    breaker=BreakerSettings(failure_threshold=2, window_s=100.0, reset_after_s=50.0, probe_timeout_s=20.0),
    retry=RetrySettings(delay_s=5.0, timeout_delay_s=8.0, step_s=2.0, max_s=12.0, stable_after_s=10.0),
)

RETRIED = [kind for kind in FailureKind if not kind.permanent]
FORCEABLE = {FailureKind.REPLACED, FailureKind.CONFIG}


@dataclass
class Socket:
    """The transport's one socket. `state`: dialling, open or closing."""

    epoch: int
    state: str


class LinkWorld(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.link = Link()
        self.now_s = 1000.0
        self.u = 0.0
        self.socket: Socket | None = None
        self.timers: list[tuple[float, str, int]] = []
        self.asked: set[int] = set()
        self.last_dial = 0
        self.parked_by: Failure | None = None
        self.ban_until_s: float | None = None
        self.probing = False
        self.probe_excused = False
        self.unreported = False
        self.wanted = False

    # ── one event ────────────────────────────────────────────────────────────────────────────────────────────────

    def give(self, what: Event) -> list[LinkEffect]:
        before = self.link
        after, effects = links.step(before, what, Context(self.now_s, self.u, QUICK))
        self.link = after
        assert after.epoch >= before.epoch
        assert after.timer >= before.timer
        for effect in effects:
            self.perform(effect)
        self.assert_told(before, after, effects)
        return effects

    def perform(self, effect: LinkEffect) -> None:
        match effect:
            case AskPermit():
                assert effect.probe is (self.link.breaker.state is BreakerState.HALF_OPEN)
                self.asked.add(effect.epoch)
            case Dial():
                self.dialled(effect.epoch)
            case CloseTransport():
                assert self.socket is not None, "closes a socket that does not exist"
                assert self.socket.epoch == effect.epoch
                assert self.socket.state != "closing", "closes a socket twice"
                self.socket.state = "closing"
            case ReportDial():
                assert self.unreported, "reports a dial twice, or one that never was"
                self.unreported = False
            case WakeLink():
                self.timers.append((effect.at_s, effect.name, effect.timer))
            case Record():
                line = loglines.text(effect.event, effect.fields, "toko1")
                assert line and len(line.splitlines()) == 1
            case Publish():
                pass

    def dialled(self, epoch: int) -> None:
        assert self.socket is None, "dials while an earlier socket is not closed"
        assert epoch == self.link.epoch
        assert epoch > self.last_dial, "an epoch is dialled once"
        assert self.parked_by is None, f"dials after {self.parked_by}"
        assert self.link.wanted
        self.last_dial = epoch
        self.unreported = True
        self.socket = Socket(epoch, "dialling")
        half_open = self.link.breaker.state is BreakerState.HALF_OPEN
        if half_open:
            assert not self.probing or self.probe_excused, "a second probe before the first one resolved"
            event("probe")
        self.probing, self.probe_excused = half_open, False

    def assert_told(self, before: Link, after: Link, effects: list[LinkEffect]) -> None:
        """Whatever operators can see is published when it changes."""
        names = ("state", "wanted", "attempts", "breaker", "failure", "next_at_s", "cause", "since_s")
        changed = {name for name in names if getattr(before, name) != getattr(after, name)}
        assert not changed or Publish() in effects, f"{changed} changed and nobody was told"

    def park_model(self, failure: Failure, from_s: float | None = None) -> None:
        """A ban is counted from `from_s`, now unless given."""
        if failure.permanent:
            self.parked_by = failure
            banned = failure.kind is FailureKind.TEMP_BANNED and failure.retry_after_s is not None
            began_s = self.now_s if from_s is None else from_s
            self.ban_until_s = began_s + (failure.retry_after_s or 0.0) if banned else None

    def free_model(self) -> None:
        self.parked_by = self.ban_until_s = None

    # ── the operator, and the supervisor ──────────────────────────────────────────────────────────────────────────────

    def want(self) -> None:
        if not self.wanted and self.ban_until_s is not None and self.ban_until_s <= self.now_s:
            self.free_model()
        self.wanted = True
        self.give(Want())

    def unwant(self) -> None:
        self.wanted = False
        self.probe_excused = True
        if self.parked_by is not None and self.parked_by.again:
            self.free_model()
        self.give(Unwant())

    def reconfigure(self) -> None:
        self.free_model()
        self.probe_excused = True
        self.give(Reconfigured())

    def reset(self) -> None:
        self.give(ResetBreaker())
        assert self.link.attempts == 0
        # A reset link that was waiting may ask at once; then the breaker is closed all the same.
        assert self.link.breaker.state is BreakerState.CLOSED
        assert self.link.breaker.failures == ()

    def force(self) -> None:
        said = verdict(self.link, self.now_s)
        assert said is self.expected_verdict()
        before = self.link
        if said is Verdict.STARTS:
            self.wanted = True
            self.free_model()
            self.probing = False
        effects = self.give(ForceRetry())
        if said is not Verdict.STARTS:
            assert (self.link, effects) == (before, [])
        elif before.state is not LinkState.CLOSING:
            assert self.link.state is LinkState.DIALLING

    def expected_verdict(self) -> Verdict:
        if self.socket is not None and self.socket.state == "open":
            authenticated = self.link.state is LinkState.OPEN
            return Verdict.SESSION_EXISTS if authenticated else Verdict.IN_PROGRESS
        if self.socket is not None and self.socket.state == "dialling":
            return Verdict.IN_PROGRESS
        if self.parked_by is None or self.parked_by.kind in FORCEABLE:
            return Verdict.STARTS
        if self.parked_by.kind is FailureKind.TEMP_BANNED and self.socket is None:
            over = self.ban_until_s is None or self.ban_until_s <= self.now_s
            return Verdict.STARTS if over else Verdict.PARKED
        return Verdict.PARKED

    def end(self) -> None:
        """The supervisor stops the process: the link is left alone, and its wait is not lost."""
        before = self.link
        self.wanted = False
        self.probe_excused = True
        self.give(ProcessEnds())
        assert (self.link.attempts, self.link.breaker) == (before.attempts, before.breaker)
        assert self.link.backs_off_until_s == before.backs_off_until_s

    def replace(self) -> None:
        """Sockets, timers and permits die with it; breaker, attempts, backoff and why it is parked come back."""
        stored = export(self.link, self.now_s, WALL_S)
        if self.link.pending is not None:
            self.park_model(self.link.pending)  # the end of the process was the end of the close
        before, self.link = self.link, restore(stored, self.now_s, WALL_S)
        self.socket, self.timers, self.asked, self.last_dial = None, [], set(), 0
        self.probing = False
        assert self.link.attempts == before.attempts
        assert len(self.link.breaker.failures) == len(before.breaker.failures)
        assert (self.link.state is LinkState.PARKED) is (self.parked_by is not None)
        left_s = 0.0 if before.backs_off_until_s is None else before.backs_off_until_s - self.now_s
        if self.wanted:
            self.wanted = False
            self.want()
            if left_s > 1e-3:  # the wall clock is that coarse
                assert self.link.next_at_s == pytest.approx(self.now_s + left_s)
