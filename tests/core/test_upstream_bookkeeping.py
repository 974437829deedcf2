"""The upstream gate's own books: who waits, when to look again, and states that stay what they are."""

import pytest

from core.config import GateSettings
from core.failures import FailureKind
from core.upstream import GateState, UpstreamGate

SETTINGS = GateSettings()


def crowded() -> UpstreamGate:
    """A gate whose burst is spent and before which two instances wait."""
    gate = UpstreamGate(SETTINGS, 0.0)
    for number in range(17):
        gate.ask(f"i{number}", 1, 0.0)
    return gate


def test_the_waiting_are_counted() -> None:
    gate = crowded()
    assert gate.waiting == 2
    gate.forget("i16")
    assert gate.waiting == 1


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (None, "waiting for a permit: dials are paced"),
        (FailureKind.NETWORK, "the upstream is down: one canary at a time dials"),
        (FailureKind.OUTDATED, "the upstream refuses this client version"),
    ],
    ids=["up", "down", "closed"],
)
def test_the_gate_says_why_somebody_waits(kind: FailureKind | None, reason: str) -> None:
    gate = crowded()
    for number in range(3):
        gate.outcome(f"i{number}", kind, 0.0, None)
    assert gate.reason == reason


def test_a_gate_that_recovers_says_so_too() -> None:
    gate = crowded()
    for number in range(3):
        gate.outcome(f"i{number}", FailureKind.NETWORK, 0.0, None)
    assert gate.outcome("i0", None, 1.0, None)
    assert gate.reason == "the upstream is back: waiting for a permit"
    assert gate.next_release_s(1.0) == 1 / SETTINGS.connect_rate


def test_the_next_look_is_one_permit_away_while_somebody_waits() -> None:
    assert crowded().next_release_s(0.0) == 1 / SETTINGS.connect_rate


def test_a_closed_gate_releases_nobody_and_stays_closed_since_when_it_closed() -> None:
    gate = crowded()
    assert gate.outcome("i0", FailureKind.OUTDATED, 5.0, None)
    assert not gate.outcome("i1", FailureKind.OUTDATED, 9.0, None)
    assert (gate.state, gate.since_s) == (GateState.CLOSED, 5.0)
    assert (gate.waiting, gate.release(10.0, lambda names: names[0])) == (0, []), "they are parked"
    assert gate.next_release_s(1000.0) is None


def test_a_closed_gate_is_opened_by_hand_and_knows_nothing_of_before() -> None:
    gate = crowded()
    for number in range(3):
        gate.outcome(f"i{number}", FailureKind.OUTDATED, 5.0, None)
    gate.reopen(7.0)
    assert (gate.state, gate.since_s) == (GateState.UP, 7.0)
    assert gate.ask("i0", 1, 7.0)
    assert not gate.outcome("i0", FailureKind.NETWORK, 8.0, None)
    gate.reopen(9.0)
    assert gate.since_s == 7.0, "only a closed gate is opened"


def test_the_same_settings_leave_the_pace_alone() -> None:
    gate = crowded()
    gate.reconfigure(GateSettings(), 1000.0)
    # An unchanged bucket has filled meanwhile; a new one would be empty.
    assert len(gate.release(1 / SETTINGS.connect_rate, lambda names: names[0])) == 1
