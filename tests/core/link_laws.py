"""What holds of a link whatever happens around it: how attempts end, how long it waits, that it is never stuck."""

from typing import Any

import pytest
from hypothesis import event
from hypothesis.stateful import invariant

from core.breaker import BreakerState
from core.effects import LinkEffect, Record
from core.failures import Failure, FailureKind
from core.link_events import (
    Wake,
)
from core.link_state import Link, LinkState
from tests.core.link_world import QUICK, LinkWorld, Socket


class LinkLaws(LinkWorld):
    # ── ends and timers ───────────────────────────────────────────────────────────────────────────────────────────────

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
                    (0.0, retry.fast_first_s) if before.stable else (base, base + retry.jitter * base)
                )
                # base + 0.2 * base and 1.2 * base differ in the last bit.
                assert max(least, asked_s) <= delay_s <= max(most, asked_s) + 1e-9

    def wake(self, name: str, timer: int) -> None:
        before = self.link
        if name == "ban_over" and timer == before.timer and self.wanted:
            assert self.ban_until_s is not None and self.ban_until_s <= self.now_s
            self.free_model()
        effects = self.give(Wake(name, timer))
        if timer != before.timer:
            assert (self.link, effects) == (before, []), "a stale timer changed something"

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
