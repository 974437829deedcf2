"""The link under random events: whatever happens, it agrees with the model of the world around it."""

from math import inf
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from core.breaker import BreakerState
from core.failures import Failure, FailureKind
from core.link_events import (
    Authenticated,
    Closed,
    Granted,
    Held,
    Lost,
    Opened,
    ProtocolFailed,
    UpstreamRecovered,
    VersionRefused,
)
from core.link_state import LinkState
from tests.core.link_laws import LinkLaws
from tests.core.link_world import QUICK, RETRIED

kinds = st.one_of(st.sampled_from(RETRIED), st.sampled_from(list(FailureKind)))
failures = st.builds(
    Failure,
    kind=kinds,
    text=st.sampled_from(["connection refused", "the peer said\nno"]),
    retry_after_s=st.none() | st.sampled_from([0.0, 3.0, 40.0]),
) | st.just(Failure(FailureKind.LOGGED_OUT, "login rejected", again=True))
unit = st.floats(0, 1, exclude_max=True)


class LinkMachine(LinkLaws):
    @initialize(u=unit)
    def fix_randomness(self, u: float) -> None:
        self.u = u

    @rule(says=st.sampled_from(["want", "want", "unwant", "reconfigure", "reset", "force", "end", "replace"]))
    def the_operator_says(self, says: str) -> None:
        """One rule for all of it, or random walks would never get anywhere."""
        getattr(self, says)()

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
        if before.state is LinkState.PARKED and before.wanted and before.failure.kind is FailureKind.OUTDATED:  # type: ignore[union-attr]
            self.free_model()
            assert self.link.state is LinkState.WAITING
        elif before.state is not LinkState.WAITING or before.asking:
            assert (self.link, effects) == (before, [])
        elif before.breaker.state is BreakerState.CLOSED:
            assert self.link.asking
        elif self.link.asking:
            assert self.link.breaker.state is BreakerState.HALF_OPEN

    @rule()
    def the_upstream_refuses_this_version(self) -> None:
        before = self.link
        if before.state is LinkState.WAITING:
            self.park_model(Failure(FailureKind.OUTDATED, "the upstream refuses this client version"))
            self.probing = False
        effects = self.give(VersionRefused())
        if before.state is not LinkState.WAITING:
            assert (self.link, effects) == (before, [])

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
        self.park_model(failure, inf)  # a ban is counted from the end of the close
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
