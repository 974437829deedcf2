"""The link under random events, beside a model of a transport, a gate and a clock.

The model knows what the outside world looks like: which socket exists, which timers run, which permits were asked
for, what parked the link. After every event the link must agree with it.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core import link as links
from core import loglines
from core.breaker import BreakerState
from core.config import BreakerSettings, RetrySettings, Settings
from core.effects import AskPermit, CloseTransport, Dial, LinkEffect, Publish, Record, ReportDial, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Authenticated,
    Closed,
    Event,
    ForceRetry,
    Granted,
    Held,
    Lost,
    Opened,
    ProtocolFailed,
    Reconfigured,
    ResetBreaker,
    Unwant,
    UpstreamRecovered,
    Wake,
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
PERMANENT = [kind for kind in FailureKind if kind.permanent]
FORCEABLE = {FailureKind.REPLACED, FailureKind.CONFIG}

kinds = st.one_of(st.sampled_from(RETRIED), st.sampled_from(list(FailureKind)))
failures = st.builds(
    Failure,
    kind=kinds,
    text=st.sampled_from(["connection refused", "the peer said\nno"]),
    retry_after_s=st.none() | st.sampled_from([0.0, 3.0, 40.0]),
)
unit = st.floats(0, 1, exclude_max=True)


@dataclass
class Socket:
    """The transport's one socket. `state`: dialling, open or closing."""

    epoch: int
    state: str


class LinkMachine(RuleBasedStateMachine):
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

    @initialize(u=unit)
    def fix_randomness(self, u: float) -> None:
        self.u = u

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

    def park_model(self, failure: Failure) -> None:
        if failure.permanent:
            self.parked_by = failure
            banned = failure.kind is FailureKind.TEMP_BANNED and failure.retry_after_s is not None
            self.ban_until_s = self.now_s + (failure.retry_after_s or 0.0) if banned else None

    def free_model(self) -> None:
        self.parked_by = self.ban_until_s = None

    # ── the operator ─────────────────────────────────────────────────────────────────────────────────────────────

    @rule(says=st.sampled_from(["want", "want", "unwant", "reconfigure", "reset", "force", "replace"]))
    def the_operator_says(self, says: str) -> None:
        """One rule for all of it, or random walks would never get anywhere."""
        getattr(self, says)()

    def want(self) -> None:
        if not self.wanted and self.ban_until_s is not None and self.ban_until_s <= self.now_s:
            self.free_model()
        self.wanted = True
        self.give(Want())

    def unwant(self) -> None:
        self.wanted = False
        self.probe_excused = True
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

    # ── the gate ─────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.link.asking)
    @rule()
    def grant(self) -> None:
        assert self.link.epoch in self.asked
        self.give(Granted(self.link.epoch))
        assert self.link.state is LinkState.DIALLING

    @precondition(lambda self: self.link.asking)
    @rule(renew_s=st.sampled_from([0.0, 10.0]), reason=st.sampled_from(["paced", "down"]))
    def hold(self, renew_s: float, reason: str) -> None:
        self.give(Held(self.link.epoch, renew_s, reason))
        assert (self.link.asking, self.link.cause) == (True, reason)

    @rule()
    def the_upstream_recovers(self) -> None:
        before = self.link
        effects = self.give(UpstreamRecovered())
        if before.state is not LinkState.WAITING or before.asking:
            assert (self.link, effects) == (before, [])
        elif before.breaker.state is BreakerState.CLOSED:
            assert self.link.asking
        elif self.link.asking:
            assert self.link.breaker.state is BreakerState.HALF_OPEN

    # ── the transport ────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.socket is not None and self.socket.state == "dialling")
    @rule()
    def dial_succeeds(self) -> None:
        assert self.socket is not None
        self.socket.state = "open"
        self.give(Opened(self.socket.epoch))
        assert self.link.state is LinkState.AUTHENTICATING

    @precondition(lambda self: self.link.state is LinkState.AUTHENTICATING)
    @rule(named=st.booleans())
    def authenticate(self, named: bool) -> None:
        self.give(Authenticated(self.link.epoch if named else None))
        assert self.link.state is LinkState.OPEN
        assert not self.unreported, "the gate was not told of a success"

    @precondition(lambda self: self.socket is not None and self.socket.state != "closing")
    @rule(failure=failures)
    def socket_breaks(self, failure: Failure) -> None:
        assert self.socket is not None
        epoch, self.socket = self.socket.epoch, None
        self.ends(failure, lambda: self.give(Lost(epoch, failure)))

    @precondition(lambda self: self.socket is not None and self.socket.state == "open")
    @rule(failure=failures, named=st.booleans())
    def protocol_gives_up(self, failure: Failure, named: bool) -> None:
        self.park_model(failure)
        self.give(ProtocolFailed(failure, self.link.epoch if named else None))
        assert self.link.state is LinkState.CLOSING

    @precondition(lambda self: self.socket is not None and self.socket.state == "closing")
    @rule(as_lost=st.booleans())
    def close_completes(self, as_lost: bool) -> None:
        assert self.socket is not None
        epoch, self.socket = self.socket.epoch, None
        what = Lost(epoch, Failure(FailureKind.NETWORK, "reset")) if as_lost else Closed(epoch)
        pending = self.link.pending
        if pending is None:
            self.give(what)
        else:
            self.ends(pending, lambda: self.give(what))

    def ends(self, failure: Failure, give: Any) -> None:
        """An attempt ends with a failure: what the contract says of each kind must follow."""
        before = self.link
        self.park_model(failure)
        if failure.kind is FailureKind.RESTART and not before.restart_used:
            self.probe_excused = True
        effects = give()
        assert not self.unreported, "the gate was not told of a failure"
        self.assert_delay(effects, failure, before)
        if self.parked_by is not None:
            assert self.link.state is LinkState.PARKED
            # A definite answer resolves the probe as well; whoever frees the link starts another.
            self.probing = False
        elif before.breaker.state is BreakerState.HALF_OPEN and self.wanted and not self.probe_excused:
            assert self.link.breaker.state is BreakerState.OPEN
            self.probing = False
            event("reopened")

    def assert_delay(self, effects: list[LinkEffect], failure: Failure, before: Link) -> None:
        for record in effects:
            if isinstance(record, Record) and record.event == "retry.scheduled":
                delay_s, asked_s = record.fields["delay_s"], failure.retry_after_s or 0.0
                retry = QUICK.retry
                floor = retry.timeout_delay_s if failure.kind is FailureKind.TIMEOUT else retry.delay_s
                base = max(floor, min((before.attempts + 1) * retry.step_s, retry.max_s))
                least, most = (
                    (0.0, retry.fast_first_s) if before.stable else (base, base * (1 + retry.jitter))
                )
                assert max(least, asked_s) <= delay_s <= max(most, asked_s)

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(by_s=st.sampled_from([0.0, 1.0, 5.0, 10.0, 30.0, 60.0]))
    def time_passes(self, by_s: float) -> None:
        """Timers fire in order; of those due together the last set comes first, as Thespian has it."""
        until_s = self.now_s + by_s
        for _ in range(200):
            due = [timer for timer in self.timers if timer[0] <= until_s]
            if not due:
                break
            earliest = min(timer[0] for timer in due)
            chosen = [timer for timer in due if timer[0] == earliest][-1]
            self.timers.remove(chosen)
            self.now_s = max(self.now_s, earliest)
            self.wake(chosen[1], chosen[2])
        else:
            raise AssertionError("timers without end")
        self.now_s = until_s

    def wake(self, name: str, timer: int) -> None:
        before = self.link
        if name == "ban_over" and timer == before.timer and self.wanted:
            assert self.ban_until_s is not None and self.ban_until_s <= self.now_s
            self.free_model()
        effects = self.give(Wake(name, timer))
        if timer != before.timer:
            assert (self.link, effects) == (before, []), "a stale timer changed something"

    # ── what is late, and what comes back ────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.link.epoch > 0)
    @rule(
        back=st.integers(1, 3),
        what=st.sampled_from([Opened, Closed, Granted, Authenticated, "lost", "held", "failed"]),
    )
    def something_stale(self, back: int, what: Any) -> None:
        epoch = self.link.epoch - back
        failure = Failure(FailureKind.LOGGED_OUT, "unlinked")
        named = {
            "lost": Lost(epoch, failure),
            "held": Held(epoch, 1.0),
            "failed": ProtocolFailed(failure, epoch),
        }
        before = self.link
        effects = self.give(named[what] if isinstance(what, str) else what(epoch))
        assert (self.link, effects) == (before, [])

    def replace(self) -> None:
        """Sockets, timers and permits die with it; breaker, attempts and why it is parked come back."""
        stored = export(self.link, self.now_s, WALL_S)
        before, self.link = self.link, restore(stored, self.now_s, WALL_S)
        self.socket, self.timers, self.asked, self.last_dial = None, [], set(), 0
        self.probing = False
        assert self.link.attempts == before.attempts
        assert len(self.link.breaker.failures) == len(before.breaker.failures)
        assert (self.link.state is LinkState.PARKED) is (self.parked_by is not None)
        if self.wanted:
            self.wanted = False
            self.want()

    # ── what always holds ────────────────────────────────────────────────────────────────────────────────────────

    def live_timers(self) -> list[str]:
        return [name for _, name, timer in self.timers if timer == self.link.timer]

    @invariant()
    def the_wish_is_known(self) -> None:
        assert self.link.wanted is self.wanted

    @invariant()
    def the_link_knows_its_socket(self) -> None:
        state = self.link.state
        match self.socket:
            case None:
                assert state in (LinkState.IDLE, LinkState.WAITING, LinkState.PARKED)
            case Socket(epoch, "dialling"):
                assert (state, epoch) == (LinkState.DIALLING, self.link.epoch)
            case Socket(epoch, "open"):
                assert state in (LinkState.AUTHENTICATING, LinkState.OPEN)
                assert epoch == self.link.epoch
            case Socket(epoch, _):
                assert (state, epoch) == (LinkState.CLOSING, self.link.epoch)

    @invariant()
    def a_wanted_link_is_never_stuck(self) -> None:
        link = self.link
        assert (link.state is LinkState.IDLE) <= (not link.wanted)
        if link.state is LinkState.WAITING:
            assert link.wanted
            assert len(self.live_timers()) == 1
            assert self.live_timers()[0] in (("permit", "renew", "unanswered") if link.asking else ("retry",))
            assert not link.asking or link.epoch in self.asked
        if link.state in (LinkState.DIALLING, LinkState.AUTHENTICATING):
            assert self.live_timers() == ["deadline"]
        if link.state is LinkState.OPEN and not link.stable:
            assert self.live_timers() == ["stable"]

    @invariant()
    def a_parked_link_keeps_its_reason(self) -> None:
        link = self.link
        if link.state is LinkState.PARKED:
            assert link.failure is not None and self.parked_by is not None
            assert (link.failure.kind, link.failure.text) == (self.parked_by.kind, self.parked_by.text)
            assert link.cause == link.failure.text
            assert link.failure.kind.policy.next_step
            assert link.next_at_s == pytest.approx(self.ban_until_s)
            if link.wanted and link.next_at_s is not None:
                assert self.live_timers() == ["ban_over"]

    @invariant()
    def flags_belong_to_their_states(self) -> None:
        link = self.link
        assert (link.pending is not None) <= (link.state is LinkState.CLOSING)
        assert link.forced <= (link.state is LinkState.CLOSING)
        assert link.asking <= (link.state is LinkState.WAITING)
        assert (link.opened_at_s is not None) <= (link.state in (LinkState.OPEN, LinkState.CLOSING))
        assert (link.breaker.state is BreakerState.CLOSED) == (link.breaker.opened_at_s is None)
        if link.breaker.state is BreakerState.OPEN:
            assert link.state in (LinkState.WAITING, LinkState.IDLE, LinkState.PARKED)

    # ── getting somewhere ────────────────────────────────────────────────────────────────────────────────────────

    @rule(steps=st.integers(1, 4))
    def the_world_is_kind(self, steps: int) -> None:
        for _ in range(steps):
            self.be_kind()

    @rule(
        failure=st.builds(Failure, kind=st.sampled_from(RETRIED), text=st.just("refused")),
        times=st.integers(1, 4),
    )
    def attempts_fail(self, failure: Failure, times: int) -> None:
        """Attempt after attempt, from wherever the link is."""
        for _ in range(times * 4):
            if self.link.state is LinkState.DIALLING:
                self.socket_breaks(failure)
            else:
                self.be_kind()

    def teardown(self) -> None:
        """In a kind world every wanted link that is not parked opens."""
        for _ in range(20):
            if self.link.stable or not self.wanted or self.link.state is LinkState.PARKED:
                return
            self.be_kind()
        raise AssertionError(f"stuck in {self.link}")

    def be_kind(self) -> None:
        match self.link.state:
            case LinkState.WAITING if self.link.asking:
                self.grant()
            case LinkState.WAITING:
                assert self.link.next_at_s is not None
                self.time_passes(max(0.0, self.link.next_at_s - self.now_s))
            case LinkState.DIALLING:
                self.dial_succeeds()
            case LinkState.AUTHENTICATING:
                self.authenticate(named=True)
            case LinkState.CLOSING:
                self.close_completes(as_lost=False)
            case LinkState.OPEN if not self.link.stable:
                self.time_passes(QUICK.retry.stable_after_s)
            case LinkState.OPEN | LinkState.IDLE | LinkState.PARKED:
                pass


TestLinkMachine = LinkMachine.TestCase
TestLinkMachine.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much],
)
