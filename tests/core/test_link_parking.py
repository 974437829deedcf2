"""Failures that no retry mends: parking, temporary bans, and an upstream that asks for a restart."""

from dataclasses import replace

import pytest

from core.breaker import Breaker
from core.effects import Publish, Record, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Closed,
    Event,
    Lost,
    ProtocolFailed,
    ResetBreaker,
    Unwant,
    Wake,
    Want,
)
from core.link_state import LinkState
from tests.core.link_cases import (
    BANNED_FOR_A_MINUTE,
    NOW_S,
    UNLINKED,
    S,
    in_state,
    kinds_of,
    names_of,
    step,
)

# ── permanent failures ────────────────────────────────────────────────────────────────────────────────────────────


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


# ── an upstream that asks for a restart ───────────────────────────────────────────────────────────────────────────


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
