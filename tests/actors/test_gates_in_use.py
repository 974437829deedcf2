"""The gates of a host come with the first instance of an upstream and go with the last one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.gatekeeper import KEEP_UNUSED_S, MAX_UNUSED, Gatekeeper
from core.config import GateSettings
from core.failures import FailureKind
from core.instances import InstanceConfig, upstream_key
from core.messages import DialEnded, PermitRequest
from core.records import InstanceRecord
from core.upstream import GateState


def record(instance_id: str, port: int = 1) -> InstanceRecord:
    return InstanceRecord(instance_id, InstanceConfig(url=f"ws://h:{port}/"))


def key(port: int = 1) -> str:
    return upstream_key(record("?", port).config)


def keeper(stalled: tuple[str, ...] = ()) -> Gatekeeper:
    return Gatekeeper(
        GateSettings(), lambda upstream: None, lambda upstream: list(stalled), lambda upstream: False
    )


def brought_down(gates: Gatekeeper, port: int = 1) -> None:
    """Three instances of this upstream fail at 0 s."""
    for name in ("a", "b", "c"):
        gates.uses(record(name, port))
        gates.ended(DialEnded(name, key(port), FailureKind.NETWORK), 0.0)


def states(gates: Gatekeeper, now_s: float) -> dict[str, Any]:
    return {one["upstream"]: one["state"] for one in gates.shown(now_s)}


@pytest.fixture
def down() -> Gatekeeper:
    gates = keeper(("a",))
    brought_down(gates)
    assert states(gates, 0.0) == {key(): "down"}
    return gates


def test_a_gate_that_is_used_stays(down: Gatekeeper) -> None:
    down.forget("a")
    down.forget("b")
    down.tidy(1.0)
    down.tidy(1e6)
    assert states(down, 1e6) == {key(): "down"}
    assert [one.instance_id for one in down.summons(1e6)] == ["a"]


def test_an_upstream_that_nobody_uses_is_not_shown_and_not_looked_at(down: Gatekeeper) -> None:
    for name in ("a", "b", "c"):
        down.forget(name)
    assert down.shown(1.0) == ()
    assert down.next_release_s(1.0) is None
    assert down.summons(1e6) == []


@pytest.mark.parametrize(
    ("after_s", "state"), [(KEEP_UNUSED_S - 1, "down"), (KEEP_UNUSED_S, "up")], ids=["soon", "later"]
)
def test_what_is_known_of_an_upstream_lasts_a_little_longer_than_its_last_instance(
    down: Gatekeeper, after_s: float, state: str
) -> None:
    for name in ("a", "b", "c"):
        down.forget(name)
    down.tidy(10.0)
    down.tidy(10.0 + after_s)
    down.uses(record("d"))
    down.request(PermitRequest("d", key(), 1, False), 10.0 + after_s)
    assert states(down, 10.0 + after_s) == {key(): state}


def test_an_instance_that_leads_elsewhere_leaves_its_gate() -> None:
    gates = keeper()
    brought_down(gates)
    gates.request(PermitRequest("a", key(), 1, False), 0.0)
    gates.uses(record("a"))
    assert gates.shown(0.0)[0]["waiting"] == 1, "the same upstream as before"
    for name in ("a", "b", "c"):
        gates.uses(record(name, port=2))
    assert gates.release(1e6) == []
    gates.tidy(0.0)
    gates.tidy(KEEP_UNUSED_S)
    assert gates.ended(DialEnded("z", key(), FailureKind.OUTDATED), KEEP_UNUSED_S) is GateState.CLOSED


def test_one_that_waits_at_a_gate_which_nobody_is_known_to_use_is_let_through() -> None:
    gates = keeper()
    for number in range(20):
        gates.request(PermitRequest(f"i{number}", key(), 1, False), 0.0)
    assert gates.next_release_s(0.0) is not None
    assert len(gates.release(1.0)) == 5


@given(st.lists(st.tuples(st.integers(1, 400), st.booleans(), st.floats(0, 5)), max_size=300))
def test_gates_are_bounded_however_instances_come_and_go(steps: list[tuple[int, bool, float]]) -> None:
    gates, now_s, used = keeper(), 0.0, set()
    for port, comes, passed_s in steps:
        now_s += passed_s
        if comes:
            gates.uses(record(f"i{port}", port))
            used.add(port)
        else:
            gates.forget(f"i{port}")
            used.discard(port)
        gates.request(PermitRequest(f"i{port}", key(port), 1, False), now_s)
        gates.tidy(now_s)
        assert len(gates._gates) <= len(used) + MAX_UNUSED
        assert {one["upstream"] for one in gates.shown(now_s)} <= {key(port) for port in used}


def test_too_many_unused_gates_at_once_are_dropped_oldest_first() -> None:
    gates = keeper()
    for port in range(1, MAX_UNUSED + 11):
        gates.request(PermitRequest("x", key(port), 1, False), 0.0)
        gates.tidy(port / 1000)
    assert len(gates._gates) == MAX_UNUSED
    assert key(MAX_UNUSED + 10) in gates._gates
    assert key(1) not in gates._gates
