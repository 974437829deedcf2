"""The link and its gate: permits, holds, silence, what the gate is told, and an upstream that comes back."""

import pytest

from core.breaker import Breaker, BreakerState
from core.effects import AskPermit, Publish, ReportDial, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Authenticated,
    Closed,
    Event,
    Granted,
    Held,
    Lost,
    Summoned,
    UpstreamRecovered,
    VersionRefused,
    Wake,
    Want,
)
from core.link_state import Link, LinkState
from tests.core.link_cases import (
    NETWORK,
    NOW_S,
    UNLINKED,
    S,
    in_state,
    kinds_of,
    names_of,
    step,
)

# ── permits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_is_renewed_before_it_ends_and_noted_once() -> None:
    link, effects = step(in_state(S.WAITING), Held(3, 10.0))
    assert names_of(effects) == ["link.held"]
    assert WakeLink("renew", link.timer, NOW_S + 10) in effects
    link, effects = step(link, Wake("renew", link.timer))
    assert kinds_of(effects) == [WakeLink, AskPermit]
    link, effects = step(link, Held(3, 10.0))
    assert kinds_of(effects) == [WakeLink]
    assert link.cause == "held by the upstream gate"


def test_a_link_that_asks_does_not_show_why_it_waited_before() -> None:
    link = in_state(S.WAITING, asking=False, next_at_s=NOW_S, cause="connection refused")
    link, effects = step(link, Wake("retry", link.timer))
    assert (link.asking, link.cause, link.next_at_s) == (True, None, None)
    assert kinds_of(effects) == [WakeLink, AskPermit, Publish]


def test_thirty_seconds_without_any_answer_lead_to_a_dial_at_a_random_moment() -> None:
    link, effects = step(Link(), Want())
    assert WakeLink("permit", link.timer, NOW_S + 30) in effects
    link, effects = step(link, Wake("permit", link.timer), u=0.5)
    assert names_of(effects) == ["link.unanswered"]
    assert WakeLink("unanswered", link.timer, NOW_S + 30) in effects
    assert link.next_at_s == NOW_S + 30
    link, effects = step(link, Wake("unanswered", link.timer))
    assert link.state is S.DIALLING


@pytest.mark.parametrize("answer", [Granted(1, NOW_S), Held(1, 5.0)], ids=["granted", "held"])
def test_a_late_answer_of_the_gate_still_counts_while_it_is_valid(answer: Event) -> None:
    link, _ = step(Link(), Want())
    link, _ = step(link, Wake("permit", link.timer), u=0.5)
    link, _ = step(link, answer)
    assert link.state is (S.DIALLING if isinstance(answer, Granted) else S.WAITING)
    assert link.next_at_s is None


@pytest.mark.parametrize("waited", [False, True], ids=["asking", "about to dial without an answer"])
def test_a_permit_that_is_found_too_late_is_asked_for_again(waited: bool) -> None:
    link, _ = step(Link(), Want())
    if waited:
        link, _ = step(link, Wake("permit", link.timer), u=0.5)
    link, effects = step(link, Granted(1, NOW_S - 0.1))
    assert (link.state, link.asking, link.next_at_s) == (S.WAITING, True, None)
    assert AskPermit(1, probe=False) in effects
    link, _ = step(link, Granted(1, NOW_S + 25))
    assert link.state is S.DIALLING


@pytest.mark.parametrize("answer", [Granted(3), Held(3, 5.0)], ids=["granted", "held"])
def test_an_answer_nobody_asked_for_changes_nothing(answer: Event) -> None:
    link = in_state(S.WAITING, asking=False)
    assert step(link, answer) == (link, [])


# ── what the gate is told ─────────────────────────────────────────────────────────────────────────────────────────


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


# ── the upstream comes back ───────────────────────────────────────────────────────────────────────────────────────


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


# ── the upstream refuses this client version ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "link", [in_state(S.WAITING), tripped_by(FailureKind.NETWORK)], ids=["asking", "breaker open"]
)
def test_who_waits_is_parked_with_405_and_the_next_step(link: Link) -> None:
    parked, effects = step(link, VersionRefused())
    assert (parked.state, parked.asking, parked.next_at_s) == (S.PARKED, False, None)
    assert parked.failure is not None
    assert (parked.failure.kind, parked.failure.shown_status) == (FailureKind.OUTDATED, 405)
    assert "update Sambung" in parked.failure.kind.policy.next_step
    assert names_of(effects) == ["link.parked"]


def test_a_half_open_breaker_that_is_parked_so_opens_again() -> None:
    half_open = Breaker(BreakerState.HALF_OPEN, (90.0,), 10, 90.0)
    parked, _ = step(in_state(S.WAITING, breaker=half_open), VersionRefused())
    assert parked.breaker.state is BreakerState.OPEN


@pytest.mark.parametrize("state", [one for one in S if one is not S.WAITING], ids=lambda state: state.value)
def test_who_does_not_wait_is_not_parked(state: LinkState) -> None:
    link = in_state(state)
    assert step(link, VersionRefused()) == (link, [])


REFUSED = Failure(FailureKind.OUTDATED, "no")


def test_who_was_parked_for_the_version_asks_again_when_the_upstream_lets_somebody_in() -> None:
    link, effects = step(in_state(S.PARKED, failure=REFUSED, cause="no"), UpstreamRecovered())
    assert (link.state, link.asking, link.failure) == (S.WAITING, True, None)
    assert AskPermit(4, probe=False) in effects
    assert names_of(effects)[0] == "link.upstream_recovered"


@pytest.mark.parametrize(
    "link",
    [in_state(S.PARKED), in_state(S.PARKED, failure=None), in_state(S.PARKED, failure=REFUSED, wanted=False)],
    ids=["another reason", "no reason", "not wanted"],
)
def test_who_is_parked_otherwise_stays_parked(link: Link) -> None:
    assert step(link, UpstreamRecovered()) == (link, [])


@pytest.mark.parametrize("kind", OUTAGES, ids=lambda kind: kind.value)
def test_a_summoned_canary_asks_although_its_breaker_is_open(kind: FailureKind) -> None:
    link, effects = step(tripped_by(kind), Summoned())
    assert (link.breaker.state, link.asking) == (BreakerState.HALF_OPEN, True)
    assert names_of(effects)[0] == "link.summoned"


@pytest.mark.parametrize("state", LinkState, ids=lambda state: state.value)
def test_a_link_that_does_not_back_off_is_no_canary(state: LinkState) -> None:
    link = in_state(state)
    assert step(link, Summoned()) == (link, [])
