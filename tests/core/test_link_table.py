"""Every state answers every event, and what each interesting pair does."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core import link as links
from core.breaker import Breaker, BreakerState
from core.config import Settings
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
from core.link_state import Context, Link, LinkState, Verdict, verdict

S = LinkState
NOW_S = 100.0
NETWORK = Failure(FailureKind.NETWORK, "connection refused")
UNLINKED = Failure(FailureKind.LOGGED_OUT, "unlinked")
REPLACED = Failure(FailureKind.REPLACED, "replaced by another client")
BANNED_FOR_A_MINUTE = Failure(FailureKind.TEMP_BANNED, "banned for a while", retry_after_s=60.0)
BANNED_FOR_SOME_TIME = Failure(FailureKind.TEMP_BANNED, "banned for a while")


def in_state(state: LinkState, **more: object) -> Link:
    """A link as it is found in this state."""
    usual: dict[str, object] = {"state": state, "wanted": state is not S.IDLE, "epoch": 3, "timer": 7}
    match state:
        case S.WAITING:
            usual |= {"asking": True}
        case S.DIALLING | S.AUTHENTICATING:
            usual |= {"deadline_s": NOW_S + 5}
        case S.OPEN:
            usual |= {"opened_at_s": NOW_S - 1}
        case S.PARKED:
            usual |= {"failure": UNLINKED, "cause": UNLINKED.text}
        case S.IDLE | S.CLOSING:
            pass
    return Link(**(usual | more))  # type: ignore[arg-type]


VISIBLE = ("state", "wanted", "attempts", "breaker", "failure", "next_at_s", "cause", "since_s")


def step(link: Link, event: Event, u: float = 0.0) -> tuple[Link, list[LinkEffect]]:
    """One step, with what must hold of every step."""
    after, effects = links.step(link, event, Context(NOW_S, u, Settings()))
    changed = {name for name in VISIBLE if getattr(link, name) != getattr(after, name)}
    assert not changed or Publish() in effects, f"{changed} changed and nobody was told"
    wakes = [effect for effect in effects if isinstance(effect, WakeLink)]
    assert [wake.timer for wake in wakes] in ([], [after.timer])
    if wakes or link.state is not after.state:
        assert after.timer > link.timer, "timers of what was before must not count any more"
    if link.state is not after.state:
        assert after.since_s == NOW_S
    return after, effects


def kinds_of(effects: list[LinkEffect]) -> list[type]:
    return [type(effect) for effect in effects if not isinstance(effect, Record)]


def names_of(effects: list[LinkEffect]) -> list[str]:
    return [effect.event for effect in effects if isinstance(effect, Record)]


# ── totality ─────────────────────────────────────────────────────────────────────────────────────────────────────

failures = st.builds(
    Failure,
    kind=st.sampled_from(FailureKind),
    text=st.just("why"),
    retry_after_s=st.none() | st.floats(0, 1e12),
)
epochs = st.integers(2, 4)
names = st.sampled_from(["retry", "permit", "renew", "unanswered", "deadline", "stable", "ban_over", "?"])
event_of: dict[type, st.SearchStrategy[Event]] = {
    Want: st.builds(Want),
    Unwant: st.builds(Unwant),
    Granted: st.builds(Granted, epochs),
    Held: st.builds(Held, epochs, st.floats(0, 100)),
    Opened: st.builds(Opened, epochs),
    Authenticated: st.builds(Authenticated, st.none() | epochs),
    Lost: st.builds(Lost, epochs, failures),
    ProtocolFailed: st.builds(ProtocolFailed, failures, st.none() | epochs),
    Closed: st.builds(Closed, epochs),
    Wake: st.builds(Wake, names, st.integers(6, 8)),
    ForceRetry: st.builds(ForceRetry),
    ResetBreaker: st.builds(ResetBreaker),
    Reconfigured: st.builds(Reconfigured),
    UpstreamRecovered: st.builds(UpstreamRecovered),
}
breakers = st.one_of(
    st.just(Breaker()),
    st.builds(Breaker, st.just(BreakerState.CLOSED), st.just((90.0, 95.0)), st.integers(0, 12)),
    st.builds(
        Breaker,
        st.sampled_from([BreakerState.OPEN, BreakerState.HALF_OPEN]),
        st.just((10.0,)),
        st.just(10),
        st.sampled_from([-1000.0, 50.0]),
    ),
)
variations = st.fixed_dictionaries(
    {
        "wanted": st.booleans(),
        "breaker": breakers,
        "attempts": st.integers(0, 40),
        "stable": st.booleans(),
        "restart_used": st.booleans(),
        "next_at_s": st.none() | st.sampled_from([NOW_S - 1, NOW_S + 1]),
    }
)
own_flags: dict[LinkState, st.SearchStrategy[dict[str, object]]] = {
    S.WAITING: st.fixed_dictionaries({"asking": st.booleans()}),
    S.CLOSING: st.fixed_dictionaries({"forced": st.booleans(), "pending": st.none() | failures}),
    S.PARKED: st.fixed_dictionaries({"failure": failures}),
}


def test_the_table_names_every_event_and_every_state() -> None:
    assert set(links.TRANSITIONS) == set(get_args(Event)) == set(event_of)
    for row in links.TRANSITIONS.values():
        assert set(row) == set(LinkState)


@pytest.mark.parametrize("kind", event_of, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("state", LinkState, ids=lambda state: state.value)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_state_answers_every_event(state: LinkState, kind: type, data: st.DataObject) -> None:
    own = data.draw(own_flags.get(state, st.just({})))
    link = in_state(state, **data.draw(variations), **own)
    # Nobody asks for a permit while the breaker is open.
    assume(not (link.asking and link.breaker.state is BreakerState.OPEN))
    after, effects = step(link, data.draw(event_of[kind]), data.draw(st.floats(0, 1, exclude_max=True)))
    assert isinstance(after, Link)
    assert all(isinstance(effect, get_args(LinkEffect)) for effect in effects)
    assert sum(isinstance(effect, Dial) for effect in effects) <= 1


# ── the happy way ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_wanted_link_asks_dials_authenticates_opens_and_becomes_stable() -> None:
    link, effects = step(Link(), Want())
    assert (link.state, link.asking) == (S.WAITING, True)
    assert AskPermit(link.epoch, probe=False) in effects
    link, effects = step(link, Granted(link.epoch))
    assert link.state is S.DIALLING
    assert names_of(effects) == ["socket.creating", "connection.update"]
    assert Dial(link.epoch) in effects
    link, effects = step(link, Opened(link.epoch))
    assert link.state is S.AUTHENTICATING
    link, effects = step(link, Authenticated())
    assert link.state is S.OPEN
    assert names_of(effects) == ["connection.update", "connection.open"]
    assert WakeLink("stable", link.timer, NOW_S + 60) in effects
    link, effects = step(link, Wake("stable", link.timer))
    assert link.stable
    assert names_of(effects) == ["retry.reset"]


def fields_of(effects: list[LinkEffect], event: str) -> dict[str, object]:
    return dict(next(one.fields for one in effects if isinstance(one, Record) and one.event == event))


def test_each_stage_carries_its_own_marks_and_drops_those_before() -> None:
    waiting = in_state(S.WAITING, attempts=2, failure=NETWORK, cause="held", next_at_s=160.0, stable=True)
    link, effects = step(waiting, Granted(3))
    assert (link.asking, link.stable, link.cause, link.next_at_s) == (False, False, None, None)
    assert (link.deadline_s, link.failure) == (NOW_S + 22, NETWORK)
    assert fields_of(effects, "socket.creating") == {"attempt": 3, "probe": False}
    link, _ = step(link, Opened(3))
    assert link.deadline_s == NOW_S + 20
    link, effects = step(link, Authenticated())
    assert (link.opened_at_s, link.deadline_s, link.failure) == (NOW_S, None, None)
    assert fields_of(effects, "connection.open") == {"attempts": 2}
    link, _ = step(replace(link, stable=True), Reconfigured())
    assert (link.opened_at_s, link.stable) == (NOW_S, True)
    link, _ = step(replace(link, deadline_s=1.0), Closed(3))
    assert (link.opened_at_s, link.stable, link.deadline_s) == (None, False, None)


def test_a_link_that_closes_for_a_failure_shows_it_at_once_and_drops_it_once_closed() -> None:
    link, _ = step(in_state(S.OPEN), ProtocolFailed(NETWORK))
    assert (link.failure, link.pending) == (NETWORK, NETWORK)
    link, _ = step(link, Closed(3))
    assert (link.failure, link.pending, link.state) == (NETWORK, None, S.WAITING)


def test_dial_and_authentication_each_have_a_deadline() -> None:
    dialling, effects = step(in_state(S.WAITING), Granted(3))
    assert WakeLink("deadline", dialling.timer, NOW_S + 22) in effects
    authenticating, effects = step(dialling, Opened(3))
    assert WakeLink("deadline", authenticating.timer, NOW_S + 20) in effects


@pytest.mark.parametrize(
    ("state", "text"),
    [(S.DIALLING, "dial took too long"), (S.AUTHENTICATING, "authentication took too long")],
    ids=["dial", "authentication"],
)
def test_a_missed_deadline_closes_the_socket_and_counts_as_a_timeout(state: LinkState, text: str) -> None:
    link, effects = step(in_state(state), Wake("deadline", 7))
    assert kinds_of(effects) == [CloseTransport, Publish]
    link, effects = step(link, Closed(3))
    assert names_of(effects) == ["connection.update", "socket.error", "retry.scheduled"]
    assert link.failure == Failure(FailureKind.TIMEOUT, text)
    assert link.next_at_s == NOW_S + 30


def test_a_failure_leaves_nothing_of_the_connection() -> None:
    stable = in_state(S.OPEN, stable=True, deadline_s=1.0, attempts=3)
    link, _ = step(stable, Lost(3, NETWORK))
    left = (link.opened_at_s, link.stable, link.deadline_s, link.asking, link.pending)
    assert left == (None, False, None, False, None)
    assert (link.state, link.attempts, link.failure, link.cause) == (S.WAITING, 4, NETWORK, NETWORK.text)


def test_a_retry_says_after_which_attempt_for_how_long_and_why() -> None:
    _, effects = step(in_state(S.DIALLING, attempts=3), Lost(3, NETWORK))
    record = next(one for one in effects if isinstance(one, Record) and one.event == "retry.scheduled")
    assert record.fields == {"delay_s": 20.0, "attempt": 4, "reason": NETWORK.text}


def test_a_retry_that_is_due_asks_for_a_permit_again() -> None:
    waiting = in_state(S.WAITING, asking=False, next_at_s=NOW_S)
    link, effects = step(waiting, Wake("retry", 7))
    assert link.asking
    assert AskPermit(4, probe=False) in effects


# ── wanted and not ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [S.DIALLING, S.AUTHENTICATING, S.OPEN], ids=lambda state: state.value)
def test_an_unwanted_link_closes_and_rests(state: LinkState) -> None:
    link, effects = step(in_state(state), Unwant())
    assert CloseTransport(3, 1000, "disconnect requested") in effects
    assert names_of(effects) == ["link.closing"]
    link, effects = step(link, Closed(3))
    assert (link.state, link.wanted, link.failure) == (S.IDLE, False, None)
    assert names_of(effects) == ["connection.update", "link.idle"]


def test_an_unwanted_link_that_waits_rests_at_once() -> None:
    waiting = in_state(S.WAITING, failure=NETWORK, cause="held", next_at_s=160.0, attempts=2)
    link, effects = step(waiting, Unwant())
    assert (link.state, link.wanted, link.asking, link.attempts) == (S.IDLE, False, False, 2)
    assert (link.failure, link.cause, link.next_at_s) == (None, None, None)
    assert names_of(effects) == ["link.idle"]
    assert step(link, Granted(3)) == (link, [])


def test_a_link_unwanted_while_it_closes_for_a_failure_rests_without_counting_it() -> None:
    closing = in_state(S.CLOSING, pending=NETWORK)
    link, effects = step(closing, Unwant())
    assert kinds_of(effects) == [Publish]
    link, _ = step(link, Closed(3))
    assert (link.state, link.attempts, link.breaker) == (S.IDLE, 0, Breaker())


def test_a_link_wanted_again_while_it_closes_begins_anew_once_closed() -> None:
    link, _ = step(in_state(S.CLOSING, wanted=False), Want())
    link, effects = step(link, Closed(3))
    assert (link.state, link.epoch) == (S.WAITING, 4)
    assert AskPermit(4, probe=False) in effects


@pytest.mark.parametrize("state", [s for s in S if s is not S.IDLE], ids=lambda state: state.value)
def test_wanting_what_is_wanted_changes_nothing(state: LinkState) -> None:
    link = in_state(state)
    assert step(link, Want()) == (link, [])


@pytest.mark.parametrize("state", [S.IDLE, S.PARKED], ids=lambda state: state.value)
def test_unwanting_what_is_not_wanted_changes_nothing(state: LinkState) -> None:
    link = in_state(state, wanted=False)
    assert step(link, Unwant()) == (link, [])


# ── permits ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_is_renewed_before_it_ends_and_noted_once() -> None:
    link, effects = step(in_state(S.WAITING), Held(3, 10.0))
    assert names_of(effects) == ["link.held"]
    assert WakeLink("renew", link.timer, NOW_S + 10) in effects
    link, effects = step(link, Wake("renew", link.timer))
    assert kinds_of(effects) == [WakeLink, AskPermit]
    link, effects = step(link, Held(3, 10.0))
    assert kinds_of(effects) == [WakeLink]
    assert link.cause == "held by the upstream gate"


def test_thirty_seconds_without_any_answer_lead_to_a_dial_at_a_random_moment() -> None:
    link, effects = step(Link(), Want())
    assert WakeLink("permit", link.timer, NOW_S + 30) in effects
    link, effects = step(link, Wake("permit", link.timer), u=0.5)
    assert names_of(effects) == ["link.unanswered"]
    assert WakeLink("unanswered", link.timer, NOW_S + 30) in effects
    assert link.next_at_s == NOW_S + 30
    link, effects = step(link, Wake("unanswered", link.timer))
    assert link.state is S.DIALLING


@pytest.mark.parametrize("answer", [Granted(1), Held(1, 5.0)], ids=["granted", "held"])
def test_a_late_answer_of_the_gate_still_counts(answer: Event) -> None:
    link, _ = step(Link(), Want())
    link, _ = step(link, Wake("permit", link.timer), u=0.5)
    link, _ = step(link, answer)
    assert link.state is (S.DIALLING if isinstance(answer, Granted) else S.WAITING)
    assert link.next_at_s is None


@pytest.mark.parametrize("answer", [Granted(3), Held(3, 5.0)], ids=["granted", "held"])
def test_an_answer_nobody_asked_for_changes_nothing(answer: Event) -> None:
    link = in_state(S.WAITING, asking=False)
    assert step(link, answer) == (link, [])


# ── what the gate is told ────────────────────────────────────────────────────────────────────────────────────────

TOLD: dict[str, tuple[Link, Event, list[FailureKind | None]]] = {
    "a dial failed": (in_state(S.DIALLING), Lost(3, NETWORK), [FailureKind.NETWORK]),
    "authentication failed": (in_state(S.AUTHENTICATING), Lost(3, NETWORK), [FailureKind.NETWORK]),
    "the session is up": (in_state(S.AUTHENTICATING), Authenticated(), [None]),
    "an open connection was lost": (in_state(S.OPEN), Lost(3, NETWORK), []),
    "closed for a failed login": (in_state(S.CLOSING, pending=UNLINKED), Closed(3), [FailureKind.LOGGED_OUT]),
    "an open connection closed for a failure": (
        in_state(S.CLOSING, pending=NETWORK, opened_at_s=NOW_S - 1),
        Closed(3),
        [],
    ),
    "closed because nobody wants it": (in_state(S.CLOSING, wanted=False), Closed(3), []),
}


@pytest.mark.parametrize(("link", "event", "told"), TOLD.values(), ids=TOLD.keys())
def test_the_gate_is_told_how_each_attempt_went(
    link: Link, event: Event, told: list[FailureKind | None]
) -> None:
    _, effects = step(link, event)
    assert [effect.failed for effect in effects if isinstance(effect, ReportDial)] == told


# ── the upstream comes back ──────────────────────────────────────────────────────────────────────────────────────

OUTAGES = [FailureKind.NETWORK, FailureKind.TIMEOUT, FailureKind.UPSTREAM]
TRIPPED_NOW = Breaker(BreakerState.OPEN, (90.0,), 10, 90.0)


def tripped_by(kind: FailureKind) -> Link:
    return in_state(
        S.WAITING, asking=False, breaker=TRIPPED_NOW, failure=Failure(kind, "why"), next_at_s=690.0
    )


@pytest.mark.parametrize("kind", OUTAGES, ids=lambda kind: kind.value)
def test_a_breaker_opened_by_an_outage_goes_half_open_when_the_upstream_is_back(kind: FailureKind) -> None:
    link, effects = step(tripped_by(kind), UpstreamRecovered())
    assert (link.breaker.state, link.asking) == (BreakerState.HALF_OPEN, True)
    assert AskPermit(4, probe=True) in effects
    assert names_of(effects)[0] == "link.upstream_recovered"


@pytest.mark.parametrize(
    "kind", [FailureKind.PROTOCOL, FailureKind.THROTTLED, FailureKind.BUG], ids=lambda k: k.value
)
def test_a_breaker_opened_by_the_instances_own_trouble_stays_open(kind: FailureKind) -> None:
    link = tripped_by(kind)
    assert step(link, UpstreamRecovered()) == (link, [])


def test_a_backoff_ends_when_the_upstream_is_back() -> None:
    link, effects = step(
        in_state(S.WAITING, asking=False, failure=NETWORK, next_at_s=160.0), UpstreamRecovered()
    )
    assert (link.asking, link.next_at_s) == (True, None)
    assert AskPermit(4, probe=False) in effects


@pytest.mark.parametrize("state", LinkState, ids=lambda state: state.value)
def test_a_link_that_does_not_back_off_ignores_that_the_upstream_is_back(state: LinkState) -> None:
    link = in_state(state)
    assert step(link, UpstreamRecovered()) == (link, [])


# ── permanent failures ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [k for k in FailureKind if k.permanent], ids=lambda kind: kind.value)
def test_a_permanent_failure_parks_with_reason_and_next_step(kind: FailureKind) -> None:
    link, effects = step(in_state(S.OPEN), Lost(3, Failure(kind, "the upstream said so")))
    assert (link.state, link.cause) == (S.PARKED, "the upstream said so")
    assert names_of(effects) == ["connection.update", "socket.error", "link.parked"]
    parked = [effect for effect in effects if isinstance(effect, Record)][-1]
    assert parked.level == "ERROR"
    assert parked.fields["text"] == f"Parked: the upstream said so. {kind.policy.next_step}"
    assert link.breaker == Breaker()


def test_a_permanent_failure_parks_also_when_the_link_was_just_unwanted() -> None:
    link, _ = step(in_state(S.OPEN), ProtocolFailed(UNLINKED))
    link, _ = step(link, Unwant())
    link, _ = step(link, Closed(3))
    assert (link.state, link.wanted, link.failure) == (S.PARKED, False, UNLINKED)


def test_parking_forgets_what_the_connection_was_waiting_for() -> None:
    link, _ = step(in_state(S.DIALLING, wanted=True), Lost(3, UNLINKED))
    assert (link.asking, link.forced, link.next_at_s, link.deadline_s) == (False, False, None, None)


def test_wanting_a_parked_link_says_again_why_it_is_parked_and_dials_nothing() -> None:
    link, effects = step(in_state(S.PARKED, wanted=False), Want())
    assert (link.state, link.wanted, link.failure) == (S.PARKED, True, UNLINKED)
    assert names_of(effects) == ["link.parked"]
    assert kinds_of(effects) == [Publish]


def test_a_parked_link_that_nobody_wants_keeps_its_reason() -> None:
    link, effects = step(in_state(S.PARKED), Unwant())
    assert (link.state, link.wanted, link.failure) == (S.PARKED, False, UNLINKED)
    assert kinds_of(effects) == [Publish]


def test_a_temporary_ban_is_tried_again_after_its_end() -> None:
    link, effects = step(in_state(S.OPEN), Lost(3, BANNED_FOR_A_MINUTE))
    assert WakeLink("ban_over", link.timer, NOW_S + 60) in effects
    assert link.next_at_s == NOW_S + 60
    link, effects = step(link, Wake("ban_over", link.timer))
    assert (link.state, link.failure) == (S.WAITING, None)
    assert names_of(effects) == ["link.ban_over"]


def test_the_end_of_a_ban_does_not_wake_a_link_that_nobody_wants() -> None:
    link = in_state(S.PARKED, wanted=False, failure=BANNED_FOR_A_MINUTE, next_at_s=NOW_S)
    assert step(link, Wake("ban_over", 7)) == (link, [])


@pytest.mark.parametrize(
    ("ends_in_s", "state"),
    [(-1.0, S.WAITING), (0.0, S.WAITING), (5.0, S.PARKED)],
    ids=["over", "over now", "not yet"],
)
def test_wanting_a_banned_link_waits_for_the_end_of_the_ban(ends_in_s: float, state: LinkState) -> None:
    banned = in_state(S.PARKED, wanted=False, failure=BANNED_FOR_A_MINUTE, next_at_s=NOW_S + ends_in_s)
    link, effects = step(banned, Want())
    assert (link.state, link.wanted) == (state, True)
    if state is S.PARKED:
        assert names_of(effects) == ["link.parked"]
        assert WakeLink("ban_over", link.timer, NOW_S + 5) in effects
        assert link.timer > banned.timer


def test_an_absurd_end_of_a_ban_is_cut_to_a_year() -> None:
    link, _ = step(in_state(S.OPEN), Lost(3, replace(BANNED_FOR_A_MINUTE, retry_after_s=1e30)))
    assert link.next_at_s == NOW_S + 366 * 86_400


# ── an upstream that asks for a restart ──────────────────────────────────────────────────────────────────────────

RESTART = Failure(FailureKind.RESTART, "restart required")


def test_a_restart_is_answered_at_once_and_without_an_alarm() -> None:
    link, effects = step(in_state(S.OPEN), Lost(3, RESTART))
    assert names_of(effects) == ["connection.update", "link.restarting"]
    assert (link.state, link.asking, link.attempts, link.breaker) == (S.WAITING, True, 0, Breaker())
    assert link.restart_used


def test_a_second_restart_without_a_stable_connection_is_a_failure() -> None:
    link, effects = step(in_state(S.OPEN, restart_used=True), Lost(3, RESTART))
    assert names_of(effects) == ["connection.update", "socket.error", "retry.scheduled"]
    assert (link.attempts, link.breaker.consecutive) == (1, 1)


@pytest.mark.parametrize("event", [Wake("stable", 7), ResetBreaker()], ids=["stable", "reset"])
def test_the_free_restart_comes_back(event: Event) -> None:
    link, _ = step(in_state(S.OPEN, restart_used=True), event)
    assert not link.restart_used


# ── the breaker and the link ─────────────────────────────────────────────────────────────────────────────────────

OPENED_LONG_AGO = Breaker(BreakerState.OPEN, (1.0,), 10, -1000.0)
OPENED_JUST_NOW = Breaker(BreakerState.OPEN, (90.0,), 10, 90.0)
HALF_OPEN = Breaker(BreakerState.HALF_OPEN, (), 10, -1000.0)


def test_wanting_a_link_with_an_open_breaker_says_how_long_it_waits() -> None:
    link, effects = step(Link(breaker=OPENED_JUST_NOW), Want())
    assert (link.state, link.asking, link.next_at_s) == (S.WAITING, False, 690.0)
    record = next(effect for effect in effects if isinstance(effect, Record))
    assert (record.event, record.fields["delay_s"]) == ("link.waiting", 590.0)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (in_state(S.WAITING, asking=False, breaker=OPENED_JUST_NOW), True),
        (in_state(S.WAITING, asking=True, breaker=HALF_OPEN), False),
        (in_state(S.WAITING, asking=False), False),
        (in_state(S.IDLE, breaker=OPENED_JUST_NOW), False),
    ],
    ids=["open breaker", "half-open breaker", "backing off", "idle"],
)
def test_a_link_awaits_the_probe_while_only_the_breaker_keeps_it(link: Link, expected: bool) -> None:
    assert link.awaits_probe is expected


def test_an_open_breaker_that_is_due_goes_half_open_and_asks_for_a_probe() -> None:
    link, effects = step(Link(breaker=OPENED_LONG_AGO, epoch=8), Want())
    assert (link.breaker.state, link.epoch) == (BreakerState.HALF_OPEN, 9)
    assert AskPermit(link.epoch, probe=True) in effects
    assert names_of(effects) == ["breaker.half_open"]


def test_a_probe_has_one_deadline_for_dial_and_authentication() -> None:
    link, effects = step(in_state(S.WAITING, breaker=HALF_OPEN), Granted(3))
    assert WakeLink("deadline", link.timer, NOW_S + 20) in effects
    link, effects = links.step(link, Opened(3), Context(NOW_S + 19, 0.0, Settings()))
    assert WakeLink("deadline", link.timer, NOW_S + 20) in effects


@pytest.mark.parametrize("kind", [FailureKind.NETWORK, FailureKind.BUG], ids=lambda kind: kind.value)
def test_a_probe_that_fails_for_whatever_reason_opens_the_breaker_again(kind: FailureKind) -> None:
    link, effects = step(in_state(S.DIALLING, breaker=HALF_OPEN), Lost(3, Failure(kind, "no")))
    assert (link.breaker.state, link.breaker.opened_at_s) == (BreakerState.OPEN, NOW_S)
    assert names_of(effects)[-2:] == ["breaker.open", "breaker.waiting"]
    assert link.cause == "circuit breaker open: no"


def test_a_breaker_that_is_due_in_a_moment_is_waited_for() -> None:
    link, _ = step(Link(breaker=replace(OPENED_LONG_AGO, opened_at_s=NOW_S - 599.5)), Want())
    assert (link.asking, link.next_at_s) == (False, NOW_S + 0.5)


def test_a_probe_that_ends_parked_has_failed_too() -> None:
    link, _ = step(in_state(S.DIALLING, breaker=HALF_OPEN), Lost(3, UNLINKED))
    assert (link.state, link.breaker.state) == (S.PARKED, BreakerState.OPEN)


def test_a_bug_of_our_own_does_not_count_for_the_breaker() -> None:
    link, _ = step(in_state(S.OPEN), Lost(3, Failure(FailureKind.BUG, "our exception")))
    assert (link.attempts, link.breaker) == (1, Breaker())


def test_the_high_failure_warning_comes_once_per_crossing() -> None:
    def failing(failures: int) -> list[str]:
        breaker = Breaker(failures=tuple(90.0 + n for n in range(failures)), consecutive=failures)
        return names_of(step(in_state(S.OPEN, breaker=breaker), Lost(3, NETWORK))[1])

    assert [n for n in range(9) if "failures.high" in failing(n)] == [5]


# ── force-retry ──────────────────────────────────────────────────────────────────────────────────────────────────

FORCE: dict[str, tuple[Link, Verdict]] = {
    "idle": (in_state(S.IDLE), Verdict.STARTS),
    "waiting": (in_state(S.WAITING), Verdict.STARTS),
    "breaker open": (in_state(S.WAITING, asking=False, breaker=OPENED_JUST_NOW), Verdict.STARTS),
    "probe not yet permitted": (in_state(S.WAITING, breaker=HALF_OPEN), Verdict.STARTS),
    "held by the gate": (in_state(S.WAITING, cause="held by the upstream gate"), Verdict.STARTS),
    "parked: replaced": (in_state(S.PARKED, failure=REPLACED), Verdict.STARTS),
    "parked: config": (in_state(S.PARKED, failure=Failure(FailureKind.CONFIG, "bad")), Verdict.STARTS),
    "parked: ban over": (in_state(S.PARKED, failure=BANNED_FOR_A_MINUTE, next_at_s=NOW_S), Verdict.STARTS),
    "parked: ban without an end": (in_state(S.PARKED, failure=BANNED_FOR_SOME_TIME), Verdict.STARTS),
    "parked: banned still": (
        in_state(S.PARKED, failure=BANNED_FOR_A_MINUTE, next_at_s=NOW_S + 1),
        Verdict.PARKED,
    ),
    "parked: logged out": (in_state(S.PARKED), Verdict.PARKED),
    "parked: banned": (in_state(S.PARKED, failure=Failure(FailureKind.BANNED, "no")), Verdict.PARKED),
    "parked: outdated": (in_state(S.PARKED, failure=Failure(FailureKind.OUTDATED, "no")), Verdict.PARKED),
    "closing": (in_state(S.CLOSING), Verdict.STARTS),
    "closing for a failure": (in_state(S.CLOSING, pending=NETWORK), Verdict.STARTS),
    "closing because replaced": (in_state(S.CLOSING, pending=REPLACED), Verdict.STARTS),
    "closing because unlinked": (in_state(S.CLOSING, pending=UNLINKED), Verdict.PARKED),
    "closing because banned": (in_state(S.CLOSING, pending=BANNED_FOR_SOME_TIME), Verdict.PARKED),
    "dialling": (in_state(S.DIALLING), Verdict.IN_PROGRESS),
    "authenticating": (in_state(S.AUTHENTICATING), Verdict.IN_PROGRESS),
    "half-open probe": (in_state(S.DIALLING, breaker=HALF_OPEN), Verdict.IN_PROGRESS),
    "open": (in_state(S.OPEN), Verdict.SESSION_EXISTS),
}


@pytest.mark.parametrize(("link", "expected"), FORCE.values(), ids=FORCE.keys())
def test_the_force_retry_table(link: Link, expected: Verdict) -> None:
    assert verdict(link, NOW_S) is expected
    after, effects = step(link, ForceRetry())
    if expected is not Verdict.STARTS:
        assert (after, effects) == (link, [])
    elif link.state is S.CLOSING:
        assert names_of(effects) == ["link.forced"]
        assert (after.forced, after.pending, after.failure) == (True, None, None)
        assert kinds_of(effects) == [Publish]
        after, effects = step(after, Closed(3))
    if expected is Verdict.STARTS:
        assert (after.state, after.wanted, after.attempts) == (S.DIALLING, True, 0)
        assert (after.breaker, after.failure, after.forced) == (Breaker(), None, False)
        assert Dial(4) in effects


@pytest.mark.parametrize("breaker", [OPENED_JUST_NOW, HALF_OPEN], ids=["open", "half-open"])
def test_force_retry_says_that_it_closed_the_breaker(breaker: Breaker) -> None:
    _, effects = step(in_state(S.WAITING, asking=False, breaker=breaker), ForceRetry())
    assert names_of(effects)[:2] == ["link.forced", "breaker.reset"]


def test_a_forced_dial_given_up_while_closing_does_not_happen() -> None:
    link, _ = step(in_state(S.CLOSING), ForceRetry())
    link, _ = step(link, Unwant())
    link, effects = step(link, Closed(3))
    assert (link.state, link.forced) == (S.IDLE, False)
    assert Dial not in kinds_of(effects)


def test_a_forced_dial_given_up_is_not_remembered_when_the_link_is_wanted_again() -> None:
    link, _ = step(in_state(S.CLOSING), ForceRetry())
    link, _ = step(link, Unwant())
    link, _ = step(link, Want())
    link, effects = step(link, Closed(3))
    assert (link.state, link.asking) == (S.WAITING, True)
    assert Dial not in kinds_of(effects)


# ── reset ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reset_closes_the_breaker_and_dials_under_the_ordinary_rules() -> None:
    waiting = in_state(S.WAITING, asking=False, breaker=OPENED_JUST_NOW, attempts=10, next_at_s=690.0)
    link, effects = step(waiting, ResetBreaker())
    assert (link.breaker, link.attempts, link.asking) == (Breaker(), 0, True)
    assert names_of(effects) == ["breaker.reset"]
    assert AskPermit(4, probe=False) in effects


@pytest.mark.parametrize("state", [s for s in S if s is not S.WAITING], ids=lambda state: state.value)
def test_reset_before_the_limit_clears_counters_and_disturbs_nothing(state: LinkState) -> None:
    before = in_state(state, attempts=4, breaker=Breaker(failures=(90.0,), consecutive=4))
    link, effects = step(before, ResetBreaker())
    assert link == replace(before, attempts=0, breaker=Breaker())
    assert names_of(effects) == ["breaker.reset"]


def test_reset_leaves_a_permit_request_alone() -> None:
    link, effects = step(in_state(S.WAITING, breaker=HALF_OPEN), ResetBreaker())
    assert (link.epoch, link.asking, link.breaker) == (3, True, Breaker())
    assert AskPermit not in kinds_of(effects)


# ── reconfigured ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [S.DIALLING, S.AUTHENTICATING, S.OPEN], ids=lambda state: state.value)
def test_a_reconfigured_connection_is_closed_and_begun_anew(state: LinkState) -> None:
    link, effects = step(in_state(state), Reconfigured())
    assert link.state is S.CLOSING
    link, effects = step(link, Closed(3))
    assert AskPermit(4, probe=False) in effects


def test_a_reconfigured_link_that_backs_off_tries_at_once() -> None:
    link, effects = step(in_state(S.WAITING, asking=False, next_at_s=160.0), Reconfigured())
    assert link.asking
    assert names_of(effects) == ["link.reconfigured"]


def test_a_reconfigured_link_respects_an_open_breaker() -> None:
    link, _ = step(in_state(S.WAITING, asking=False, breaker=OPENED_JUST_NOW), Reconfigured())
    assert (link.asking, link.next_at_s) == (False, 690.0)


@pytest.mark.parametrize(
    ("wanted", "state"), [(True, S.WAITING), (False, S.IDLE)], ids=["wanted", "not wanted"]
)
def test_a_new_configuration_frees_a_parked_link(wanted: bool, state: LinkState) -> None:
    link, effects = step(in_state(S.PARKED, wanted=wanted, next_at_s=500.0), Reconfigured())
    assert (link.state, link.failure, link.cause, link.next_at_s) == (state, None, None, None)
    assert names_of(effects)[0] == "link.reconfigured"


def test_a_configuration_corrected_while_closing_for_a_permanent_failure_is_tried() -> None:
    link, effects = step(in_state(S.CLOSING, pending=UNLINKED, failure=UNLINKED), Reconfigured())
    assert kinds_of(effects) == [Publish]
    assert names_of(effects) == ["link.reconfigured"]
    assert (link.pending, link.failure) == (None, None)
    link, _ = step(link, Closed(3))
    assert (link.state, link.asking) == (S.WAITING, True)


@pytest.mark.parametrize("pending", [None, NETWORK], ids=["asked for", "for a passing failure"])
def test_a_configuration_changed_while_closing_for_something_else_needs_nothing(
    pending: Failure | None,
) -> None:
    link = in_state(S.CLOSING, pending=pending)
    assert step(link, Reconfigured()) == (link, [])


# ── late and stale ───────────────────────────────────────────────────────────────────────────────────────────────

STALE: dict[str, Callable[[], Event]] = {
    "granted": lambda: Granted(2),
    "held": lambda: Held(2, 5.0),
    "opened": lambda: Opened(2),
    "authenticated": lambda: Authenticated(2),
    "lost": lambda: Lost(2, UNLINKED),
    "protocol failed": lambda: ProtocolFailed(UNLINKED, 2),
    "closed": lambda: Closed(2),
    "wake": lambda: Wake("retry", 6),
}


@pytest.mark.parametrize("make", STALE.values(), ids=STALE.keys())
@pytest.mark.parametrize("state", LinkState, ids=lambda state: state.value)
def test_what_belongs_to_an_older_attempt_changes_nothing(
    state: LinkState, make: Callable[[], Event]
) -> None:
    link = in_state(state)
    assert step(link, make()) == (link, [])


def test_a_socket_that_breaks_while_it_is_being_closed_is_closed() -> None:
    link, effects = step(in_state(S.CLOSING, wanted=False), Lost(3, NETWORK))
    assert link.state is S.IDLE
    assert "socket.error" not in names_of(effects)
