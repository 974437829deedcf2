"""What the gatekeeper answers: permits with an end, holds with a reason."""

import pytest

from actors.fleetfeed import FleetFeed
from actors.gatekeeper import Gatekeeper
from core.config import GateSettings
from core.failures import FailureKind
from core.instances import InstanceConfig, upstream_key
from core.messages import DialEnded, PermitGranted, PermitHeld, PermitRequest, UpstreamClosed
from core.snapshot import InstanceSnapshot
from core.upstream import RENEW_S, GateState


def asked(name: str) -> PermitRequest:
    return PermitRequest(name, "ws://x", 7, probe=False)


def test_a_permit_is_good_for_twenty_five_seconds_whether_it_was_given_at_once_or_later() -> None:
    keeper = Gatekeeper(GateSettings(connect_rate=1.0), lambda _: None, lambda _: [], lambda _: False)
    assert keeper.request(asked("a"), 100.0) == PermitGranted("a", 7, 125.0)
    assert keeper.request(asked("b"), 100.0) == PermitHeld(
        "b", 7, RENEW_S, "waiting for a permit: dials are paced"
    )
    assert keeper.release(101.0) == [PermitGranted("b", 7, 126.0)]


CONFIG = InstanceConfig(url="ws://127.0.0.1:9/ws")
KEY = upstream_key(CONFIG)


def keeper_of(*parked: InstanceSnapshot) -> Gatekeeper:
    """As a root begins with what its instances told it."""
    feed = FleetFeed()
    for one in parked:
        feed.put(one)
    return Gatekeeper(GateSettings(), feed.heard, feed.stalled, feed.refused)


def parked(kind: str, state: str = "parked", config: InstanceConfig = CONFIG) -> InstanceSnapshot:
    return InstanceSnapshot("p", 0.0, config, "connected", link_state=state, failure_kind=kind)


def request(keeper: Gatekeeper) -> object:
    return keeper.request(PermitRequest("a", KEY, 1, probe=False), 10.0)


def test_a_refused_version_closes_the_gate_until_a_configuration_changes() -> None:
    keeper = keeper_of()
    assert keeper.ended(DialEnded("a", KEY, FailureKind.OUTDATED), 9.0) is GateState.CLOSED
    assert request(keeper) == UpstreamClosed(KEY, "a")
    keeper.reopen(KEY, 10.0)
    assert isinstance(request(keeper), PermitGranted)


@pytest.mark.parametrize(
    ("known", "closed"),
    [
        (parked("outdated"), True),
        (parked("outdated", state="waiting"), False),
        (parked("logged_out"), False),
        (parked("outdated", config=InstanceConfig(url="ws://127.0.0.1:8/ws")), False),
    ],
    ids=["parked for the version", "not parked", "parked otherwise", "of another upstream"],
)
def test_a_new_root_learns_from_its_instances_that_the_version_is_refused(
    known: InstanceSnapshot, closed: bool
) -> None:
    assert (request(keeper_of(known)) == UpstreamClosed(KEY, "a")) is closed


def test_somebody_let_in_is_news_only_where_others_are_parked_for_it() -> None:
    ok, failed = DialEnded("a", KEY, None), DialEnded("a", KEY, FailureKind.NETWORK)
    keeper = keeper_of(parked("outdated"))
    keeper.reopen(KEY, 10.0)
    assert (keeper.accepted(ok), keeper.accepted(failed)) == (True, False)
    keeper.ended(DialEnded("b", KEY, FailureKind.OUTDATED), 11.0)
    assert not keeper.accepted(ok), "a dial from before it closed"
    assert not keeper_of().accepted(ok)
