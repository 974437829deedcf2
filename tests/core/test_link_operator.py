"""What operators may do to a link in each state: force-retry, a new configuration."""

import pytest

from core.breaker import Breaker
from core.effects import AskPermit, Dial, Publish
from core.failures import Failure, FailureKind
from core.link_events import (
    Closed,
    ForceRetry,
    Lost,
    ProcessEnds,
    Reconfigured,
    Unwant,
    Want,
)
from core.link_state import Link, LinkState, Verdict, verdict
from tests.core.link_cases import (
    BANNED_FOR_A_MINUTE,
    BANNED_FOR_SOME_TIME,
    HALF_OPEN,
    NETWORK,
    NOW_S,
    OPENED_JUST_NOW,
    REPLACED,
    UNLINKED,
    S,
    fields_of,
    in_state,
    kinds_of,
    names_of,
    step,
)

# ── force-retry ───────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── a rejected login, with which nothing was lost ─────────────────────────────────────────────────────────────────

REJECTED = Failure(FailureKind.LOGGED_OUT, "the upstream rejected the login", again=True)


@pytest.mark.parametrize(
    "link",
    [
        in_state(S.PARKED, failure=REJECTED, cause=REJECTED.text),
        in_state(S.CLOSING, pending=REJECTED, failure=REJECTED),
    ],
    ids=["parked", "closing"],
)
def test_a_disconnect_frees_a_link_whose_login_was_rejected_and_a_connect_tries_again(link: Link) -> None:
    link, _ = step(link, Unwant())
    if link.state is S.CLOSING:
        link, _ = step(link, Closed(3))
    assert (link.state, link.wanted, link.failure) == (S.IDLE, False, None)
    link, effects = step(link, Want())
    assert AskPermit(link.epoch, probe=False) in effects


def test_connecting_without_a_disconnect_leaves_it_parked() -> None:
    link = in_state(S.PARKED, failure=REJECTED)
    assert step(link, Want()) == (link, [])
    assert verdict(link, NOW_S) is Verdict.PARKED


def test_a_process_that_ends_while_closing_for_a_rejected_login_parks_all_the_same() -> None:
    link, _ = step(in_state(S.CLOSING, pending=REJECTED, failure=REJECTED), ProcessEnds())
    link, _ = step(link, Closed(3))
    assert (link.state, link.failure) == (S.PARKED, REJECTED)


def test_a_rejected_login_says_what_frees_it_and_an_unlinked_session_something_else() -> None:
    _, effects = step(in_state(S.OPEN), Lost(3, REJECTED))
    text = str(fields_of(effects, "link.parked")["text"])
    assert "disconnect and connect" in text
    assert "link it again" in str(UNLINKED.next_step)


# ── reconfigured ──────────────────────────────────────────────────────────────────────────────────────────────────


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
