"""The upstream gate on a simulated clock: conviction, canaries, recovery, and what must not convict."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import GateSettings
from core.failures import FailureKind
from core.upstream import GateState, UpstreamGate

SETTINGS = GateSettings()
NETWORK = FailureKind.NETWORK


def first(names: object) -> str:
    return sorted(names)[0]  # type: ignore[call-overload, no-any-return]


def down(now_s: float = 0.0, settings: GateSettings = SETTINGS) -> UpstreamGate:
    gate = UpstreamGate(settings, now_s)
    for number in range(3):
        gate.outcome(f"i{number}", NETWORK, now_s, None)
    assert gate.state is GateState.DOWN
    return gate


def test_permits_are_granted_at_once_up_to_the_burst_then_held() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    assert [gate.ask(f"i{n}", 1, 0.0) for n in range(16)] == [True] * 15 + [False]
    assert gate.release(0.0, first) == []
    assert gate.release(1 / 15, first) == [("i15", 1)]


def test_three_failed_instances_and_no_success_mean_down() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    assert not gate.outcome("a", NETWORK, 0.0, None)
    assert not gate.outcome("b", FailureKind.TIMEOUT, 1.0, None)
    assert gate.outcome("c", FailureKind.UPSTREAM, 2.0, None)
    assert gate.state is GateState.DOWN


@pytest.mark.parametrize(
    ("outcomes", "heard_s"),
    [
        ([("a", NETWORK), ("a", NETWORK), ("a", NETWORK)], None),
        ([("a", NETWORK), ("b", NETWORK), ("c", None), ("d", NETWORK)], None),
        ([("a", NETWORK), ("b", NETWORK), ("c", NETWORK)], 5.0),
        ([(x, FailureKind.LOGGED_OUT) for x in "defg"] + [(x, NETWORK) for x in "abc"], None),
        ([(x, FailureKind.THROTTLED) for x in "abcd"], None),
    ],
    ids=["one instance thrice", "one success", "an open link was heard", "fewer than half", "throttled"],
)
def test_what_does_not_convict_an_upstream(
    outcomes: list[tuple[str, FailureKind | None]], heard_s: float | None
) -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    for name, failed in outcomes:
        gate.outcome(name, failed, 10.0, heard_s)
    assert gate.state is GateState.UP


def test_old_outcomes_do_not_count() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    gate.outcome("a", NETWORK, 0.0, None)
    gate.outcome("b", NETWORK, 0.0, None)
    assert not gate.outcome("c", NETWORK, 31.0, None)


def test_a_link_heard_long_ago_is_no_veto() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    for name in "abc":
        gate.outcome(name, NETWORK, 100.0, 69.0)
    assert gate.state is GateState.DOWN


def test_an_outage_costs_one_canary_at_growing_intervals() -> None:
    gate = down()
    dials: list[float] = []
    for tenth in range(900):
        now_s = tenth / 10
        for number in range(50):
            gate.ask(f"i{number}", 1, now_s) if tenth % 100 == 0 else None
        for name, _ in gate.release(now_s, random.Random(tenth).choice):
            dials.append(now_s)
            gate.outcome(name, NETWORK, now_s, None)
    gaps = [round(b - a, 1) for a, b in itertools.pairwise(dials)]
    assert dials[0] == 2.0
    assert gaps[:4] == [2.0, 3.0, 4.5, 6.8]
    assert max(gaps) == 10.0
    assert len(dials) <= 13, "ninety seconds of outage"


def test_the_first_success_lets_everybody_back_at_the_rate_and_then_it_is_up() -> None:
    gate = down()
    for number in range(60):
        gate.ask(f"i{number}", 1, 1.0)
    assert gate.outcome("canary", None, 5.0, None)
    assert gate.state is GateState.RECOVERING
    assert gate.release(5.0, first) == [], "no burst onto an upstream that just rose"
    released = sum(len(gate.release(5.0 + step / 15, first)) for step in range(1, 61))
    assert released == 60
    gate.release(10.0, first)
    assert gate.state is GateState.UP


def test_a_success_within_the_window_protects_a_recovering_upstream() -> None:
    gate = down()
    gate.outcome("canary", None, 5.0, None)
    for name in "abcd":
        gate.outcome(name, NETWORK, 6.0, None)
    assert gate.state is GateState.RECOVERING


def test_a_refused_version_closes_the_gate_for_everybody() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    gate.outcome("a", FailureKind.OUTDATED, 0.0, None)
    assert gate.state is GateState.CLOSED
    assert not gate.ask("b", 1, 1.0)
    assert gate.release(1.5, first) == []
    assert gate.release(1000.0, first) == []
    assert gate.next_release_s(1000.0) is None
    gate.outcome("c", None, 1001.0, None)
    assert gate.state is GateState.CLOSED


def test_who_does_not_renew_is_forgotten() -> None:
    gate = down()
    gate.ask("gone", 1, 0.0)
    assert gate.release(30.0, first) == []
    assert gate.waiting == 0


def test_a_removed_instance_gets_no_permit() -> None:
    gate = down()
    gate.ask("gone", 1, 1.0)
    gate.forget("gone")
    assert gate.release(5.0, first) == []


def test_a_renewal_keeps_the_newest_epoch() -> None:
    gate = down()
    gate.ask("a", 1, 1.0)
    gate.ask("a", 2, 1.5)
    assert gate.release(2.0, first) == [("a", 2)]


def test_a_changed_rate_paces_from_now_on() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    gate.reconfigure(GateSettings(connect_rate=1), 0.0)
    assert [gate.ask(f"i{n}", 1, 0.0) for n in range(3)] == [True, False, False]
    gate.reconfigure(gate.settings, 0.5)
    assert gate.next_release_s(0.5) == 1.0


def test_nothing_is_pending_on_a_quiet_gate() -> None:
    assert UpstreamGate(SETTINGS, 0.0).next_release_s(0.0) is None


def test_when_nobody_waits_one_that_would_not_ask_yet_is_summoned() -> None:
    gate = down()
    assert gate.next_release_s(1.0) == 1.0
    assert gate.summon(["a", "b"], 1.0, first) is None, "no canary is due yet"
    assert gate.summon(["a", "b"], 2.0, first) == "a"
    assert gate.summon(["a", "b"], 2.1, first) is None, "its request is on its way"
    gate.ask("a", 7, 2.2)
    assert gate.release(2.5, first) == [("a", 7)]
    assert gate.summon(["a", "b"], 2.6, first) is None, "the next canary is not due yet"


def test_nobody_is_summoned_while_somebody_waits_or_the_upstream_is_up_or_nobody_is_there() -> None:
    gate = down()
    assert gate.summon([], 2.0, first) is None
    assert gate.next_release_s(2.0) == 0.5, "it does not spin"
    gate.ask("a", 1, 2.6)
    assert gate.summon(["b"], 3.0, first) is None
    assert UpstreamGate(SETTINGS, 0.0).summon(["a"], 5.0, first) is None


@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 5.0),
            st.sampled_from(["a", "b", "c", "d", "e"]),
            st.sampled_from(["ask", "ok", "fail", "throttled"]),
        ),
        max_size=200,
    )
)
def test_dials_never_exceed_the_bucket_whatever_happens(steps: list[tuple[float, str, str]]) -> None:
    gate, now_s, dials = UpstreamGate(GateSettings(connect_rate=2), 0.0), 0.0, 0
    for passed_s, name, what in steps:
        now_s += passed_s
        match what:
            case "ask":
                dials += gate.ask(name, 1, now_s)
            case "ok":
                gate.outcome(name, None, now_s, None)
            case "fail":
                gate.outcome(name, NETWORK, now_s, None)
            case _:
                gate.outcome(name, FailureKind.THROTTLED, now_s, None)
        dials += len(gate.release(now_s, first))
        assert dials <= 2 * now_s + 2 + 1 + 1e-3
        assert gate.waiting == 0 or gate.next_release_s(now_s) is not None
