"""The upstream gate's rules at their edges: one case for each, which a rule a little different would fail."""

import pytest

from core.config import GateSettings
from core.failures import FailureKind
from core.upstream import PROBE_GROWTH, GateState, UpstreamGate

NETWORK, LOGGED_OUT = FailureKind.NETWORK, FailureKind.LOGGED_OUT
SETTINGS = GateSettings(connect_rate=1.0, probe_min_s=2.0, probe_max_s=10.0)


def first(names: object) -> str:
    return sorted(names)[0]  # type: ignore[call-overload, no-any-return]


def last(names: object) -> str:
    return sorted(names)[-1]  # type: ignore[call-overload, no-any-return]


def fail(gate: UpstreamGate, names: str, now_s: float, kind: FailureKind = NETWORK) -> None:
    for name in names:
        gate.outcome(name, kind, now_s, None)


def down() -> UpstreamGate:
    gate = UpstreamGate(SETTINGS, 0.0)
    fail(gate, "abc", 0.0)
    assert gate.state is GateState.DOWN
    return gate


def recovering(now_s: float = 10.0) -> UpstreamGate:
    gate = down()
    gate.outcome("a", None, now_s, None)
    assert gate.state is GateState.RECOVERING
    return gate


def test_exactly_half_of_those_that_tried_convict() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    fail(gate, "xyz", 0.0, LOGGED_OUT)
    fail(gate, "ab", 0.0)
    assert gate.state is GateState.UP
    fail(gate, "c", 0.0)
    assert gate.state is GateState.DOWN, "three of six"


def test_a_second_outage_begins_with_the_shortest_interval_again() -> None:
    gate = down()
    for now_s in (2.0, 4.0, 7.0, 12.0, 19.0):
        gate.ask("a", 1, now_s)
        assert gate.release(now_s, first)
    assert gate.probe_interval_s == SETTINGS.probe_max_s
    gate.outcome("a", None, 20.0, None)
    fail(gate, "abc", 60.0)
    assert gate.state is GateState.DOWN
    assert (gate.probe_interval_s, gate.next_release_s(60.0)) == (2.0, 2.0)


def test_an_upstream_that_falls_while_it_recovers_is_down_again() -> None:
    gate = recovering()
    gate.ask("z", 1, 41.0)  # somebody waits, so it is recovering still
    fail(gate, "abc", 41.0)
    assert gate.state is GateState.DOWN


def test_failures_of_the_outage_do_not_convict_once_it_is_over() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    fail(gate, "abc", 8.0)
    gate.outcome("d", None, 9.0, None)
    fail(gate, "d", 10.0)  # its own success is forgotten by this, the failures before it must be as well
    assert gate.state is GateState.RECOVERING
    fail(gate, "ef", 10.5)
    assert gate.state is GateState.DOWN, "three that failed since"


@pytest.mark.parametrize(("choose", "chosen"), [(first, "p"), (last, "r")])
def test_the_caller_chooses_who_of_the_waiting_may_dial(choose: object, chosen: str) -> None:
    gate = down()
    for name in "qpr":
        gate.ask(name, 1, 1.0)
    assert gate.release(2.0, choose) == [(chosen, 1)]  # type: ignore[arg-type]
    lonely = down()
    assert lonely.summon("qpr", 2.0, choose) == chosen  # type: ignore[arg-type]


def test_who_asks_later_overtakes_nobody() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    assert gate.ask("a", 1, 0.0)
    assert not gate.ask("b", 1, 0.0)
    assert not gate.ask("c", 1, 1.0), "a permit is there by now, but b waits for it"
    assert gate.release(1.0, first) == [("b", 1)]


def test_a_changed_rate_gives_nobody_a_burst() -> None:
    gate = UpstreamGate(SETTINGS, 0.0)
    assert gate.ask("a", 1, 0.0)
    gate.reconfigure(GateSettings(connect_rate=5.0), 0.0)
    assert not gate.ask("b", 1, 0.0)
    assert gate.release(0.0, first) == []
    assert gate.release(0.2, first) == [("b", 1)]


def test_the_interval_grows_by_half_each_time() -> None:
    assert PROBE_GROWTH == 1.5
    gate, seen = down(), []
    for now_s in (2.0, 4.0, 7.0, 12.0):
        gate.ask("a", 1, now_s)
        gate.release(now_s, first)
        seen.append(gate.probe_interval_s)
    assert seen == [3.0, 4.5, 6.75, 10.0]
