"""Every state of the link answers every event, and nothing late changes anything."""

from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core import link as links
from core.breaker import Breaker, BreakerState
from core.effects import Dial, LinkEffect
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
    ProcessEnds,
    ProtocolFailed,
    Reconfigured,
    ResetBreaker,
    Summoned,
    Unwant,
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
    names_of,
    step,
)

# ── totality ──────────────────────────────────────────────────────────────────────────────────────────────────────


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
    ProcessEnds: st.builds(ProcessEnds),
    Granted: st.builds(Granted, epochs, st.sampled_from([NOW_S - 1, NOW_S + 25])),
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
    VersionRefused: st.builds(VersionRefused),
    Summoned: st.builds(Summoned),
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


# ── late and stale ────────────────────────────────────────────────────────────────────────────────────────────────


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
