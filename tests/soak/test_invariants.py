"""Each invariant of the soak is violated by what it forbids, and by nothing else."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from simulator.views import InstanceSummary
from soak.invariants import EventLedger, MessageLedger, Orphans, explained, leaked, number_of, one_session

CALM = InstanceSummary(
    sockets_now=1,
    sockets_max=1,
    open_now=1,
    open_max=1,
    sessions_now=1,
    sessions_max=1,
    dials=7,
    opened=3,
    received=50,
    pings=4,
    stale_frames=0,
    violations=0,
    sent=40,
    skipped=2,
    acknowledged=40,
    acks_repeated=0,
    acks_unknown=0,
    bytes_in=1,
    bytes_out=1,
)


def test_an_instance_with_one_session_after_the_other_is_fine() -> None:
    assert list(one_session("a", CALM)) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sessions_max": 2}, "2 sessions"),
        ({"open_max": 2}, "2 open connections"),
        ({"stale_frames": 1}, "old connection"),
        ({"violations": 1}, "WebSocket protocol"),
        ({"acks_unknown": 3}, "3 events that never were"),
    ],
    ids=["sessions", "connections", "stale", "protocol", "acks"],
)
def test_what_an_upstream_must_never_see_is_a_complaint(wrong: dict[str, int], said: str) -> None:
    (complaint,) = one_session("a", replace(CALM, **wrong))
    assert said in complaint and complaint.startswith("a: ")


def shown(state: str, **more: Any) -> dict[str, Any]:
    return {"id": "a", "desired": "connected", "link_state": state, "reason": None, "next_step": None} | more


@pytest.mark.parametrize(
    ("one", "age_s", "complaints"),
    [
        (shown("open"), 1e6, 0),
        (shown("idle", desired="disconnected"), 1e6, 0),
        (shown("dialling"), 20.0, 0),
        (shown("dialling"), 30.0, 1),
        (shown("waiting"), 2.0, 0),
        (shown("waiting"), 4.0, 1),
        (shown("waiting", reason="connection refused"), 500.0, 0),
        (shown("parked", reason="HTTP 404", next_step="correct it"), 500.0, 0),
        (shown("parked", reason="HTTP 404"), 1.0, 1),
        (shown("parked", next_step="correct it"), 1.0, 1),
        (shown("quarantined", reason="crashed", next_step="restart"), 1.0, 1),
        (shown("idle"), 20.0, 1),
    ],
)
def test_whoever_looks_learns_why_a_link_is_down(one: dict[str, Any], age_s: float, complaints: int) -> None:
    assert len(list(explained(one, age_s))) == complaints


def event(number: int, ident: int, name: str = "a", kind: str = "message.received") -> dict[str, Any]:
    cursor = base64.urlsafe_b64encode(f"e:{number}".encode()).decode().rstrip("=")
    return {"id": cursor, "instance_id": name, "kind": kind, "data": {"content": {"id": ident}}}


def taken(*events: dict[str, Any]) -> tuple[EventLedger, list[str]]:
    ledger = EventLedger()
    return ledger, [complaint for one in events for complaint in ledger.take(one)]


def test_events_in_order_once_each_are_fine() -> None:
    ledger, complaints = taken(event(1, 1), event(2, 1, "b"), event(5, 2), event(6, 0, kind="link.open"))
    assert complaints == []
    assert ledger.lost("a", [1, 2]) == []
    assert ledger.lost("b", [1]) == []


def test_an_event_twice_and_a_number_that_goes_back_are_complaints() -> None:
    _, complaints = taken(event(1, 1), event(2, 1), event(2, 2))
    assert [text.split(":")[0] for text in complaints] == ["a", "the journal's numbers went from 2 to 2"]


def test_an_acknowledged_event_that_is_not_in_the_journal_is_lost() -> None:
    ledger, _ = taken(event(1, 1), event(2, 3))
    assert ledger.lost("a", [1, 2, 3, 4]) == [2, 4]
    assert ledger.lost("c", [1]) == [1]


def test_the_number_in_a_cursor_is_read() -> None:
    assert [number_of(event(number, 1)["id"]) for number in (1, 12, 123, 123456)] == [1, 12, 123, 123456]


def test_accepted_messages_are_missing_until_they_arrive_and_repetitions_are_counted() -> None:
    ledger = MessageLedger()
    for ident in ("m1", "m2", "m3"):
        ledger.accept("a", ident)
    ledger.arrive("a", "m1", 10.0)
    ledger.arrive("a", "m1", 10.0)  # the same arrival, told again
    ledger.arrive("a", "m1", 11.0)
    ledger.arrive("a", "m3", 12.0)
    assert (ledger.missing("a"), ledger.repeated) == (["m2"], 1)
    assert list(ledger.disorder("a")) == []
    ledger.arrive("a", "m2", 13.0)
    assert ledger.missing("a") == []
    assert len(list(ledger.disorder("a"))) == 1


@dataclass(frozen=True)
class FakeProcess:
    pid: int
    living: bool = True

    @property
    def alive(self) -> bool:
        return self.living


def looks(orphans: Orphans, below: Iterable[FakeProcess], now_s: float) -> list[str]:
    return list(orphans.look(list(below), now_s))


def test_a_process_that_outlives_its_parents_is_an_orphan_after_two_seconds() -> None:
    orphans, one, two = Orphans(), FakeProcess(1), FakeProcess(2)
    assert looks(orphans, [one, two], 0.0) == []
    assert looks(orphans, [one], 1.0) == []
    assert looks(orphans, [one], 2.5) == []
    assert looks(orphans, [one], 3.5) == ["process 2 lives on without its parents"]
    assert looks(orphans, [one, two], 4.0) == [], "it was only on its way"


def test_a_process_that_has_ended_is_none() -> None:
    orphans = Orphans()
    looks(orphans, [FakeProcess(1, living=False)], 0.0)
    assert looks(orphans, [], 10.0) == []


def test_what_grows_beyond_the_slack_is_a_leak() -> None:
    before = {"root": 10.0, "instance": 20.0}
    assert list(leaked("descriptors", before, {"root": 14.0, "instance": 19.0, "new": 99.0}, 4)) == []
    assert list(leaked("descriptors", before, {"root": 15.0}, 4)) == ["root: descriptors grew from 10 to 15"]
