"""The life of a link: asking, dialling, authenticating, open, closing; wanted and not."""

from dataclasses import replace

import pytest

from core.breaker import Breaker
from core.effects import AskPermit, CloseTransport, Dial, Publish, Record, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Authenticated,
    Closed,
    Granted,
    Lost,
    Opened,
    ProtocolFailed,
    Reconfigured,
    Unwant,
    Wake,
    Want,
)
from core.link_state import Link, LinkState
from tests.core.link_cases import (
    NETWORK,
    NOW_S,
    S,
    fields_of,
    in_state,
    kinds_of,
    names_of,
    step,
)

# ── the happy way ─────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── wanted and not ────────────────────────────────────────────────────────────────────────────────────────────────


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
