"""An instance without a process: the group counts its time, which nobody else can."""

import time
from dataclasses import replace

import pytest
from group_bench import RECORD, Group, configured, with_one

from actors import exits
from core.availability import DAY_S, Span
from core.instances import Desired
from core.messages import ConfigureInstance, InstanceReport, PlaceInstance
from core.snapshot import InstanceSnapshot

T0 = 1_790_000_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [T0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def said(**more: object) -> InstanceSnapshot:
    """What its process told last: wanted for 100 s, connected for all of them."""
    span = Span(100.0, 100.0)
    base = InstanceSnapshot("toko1", T0, RECORD.config, "connected", link_state="open", pid=4711)
    return replace(base, run=span, day=span, month=span, **more)  # type: ignore[arg-type]


def crashed(group: Group, last: InstanceSnapshot) -> None:
    address = group._children["toko1"].address
    group.receiveMsg_InstanceReport(InstanceReport(last), address)
    exits._EXITS[address] = (4711, "exit code 1")
    group.on_child_exited(address)


def test_time_without_a_process_is_wanted_and_not_connected_in_every_window(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    group = with_one(monkeypatch)
    crashed(group, said())
    clock[0] += 5.0
    group.on_wake("beat", 0)
    assert group.shown().run == Span(105.0, 100.0)
    clock[0] += 5.0
    group.on_wake("beat", 0)
    shown = group.shown()
    assert (shown.at, shown.run, shown.day, shown.month) == (T0 + 10.0, *[Span(110.0, 100.0)] * 3)


def test_a_day_without_a_process_leaves_nothing_of_the_day_before(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    group = with_one(monkeypatch)
    crashed(group, said())
    clock[0] += 2.0 * DAY_S
    group.on_wake("beat", 0)
    shown = group.shown()
    assert (shown.day, shown.month) == (Span(DAY_S), Span(100.0 + 2 * DAY_S, 100.0))


def test_until_it_was_last_seen_it_was_as_it_said(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    group = with_one(monkeypatch)
    child = group._children["toko1"]
    group.receiveMsg_InstanceReport(InstanceReport(said()), child.address)
    child.last_seen = (T0 + 20.0, True)  # a heartbeat that was no message
    exits._EXITS[child.address] = (4711, "exit code 1")
    clock[0] += 30.0
    group.on_child_exited(child.address)
    assert group.shown().run == Span(130.0, 120.0)


def test_what_nobody_wants_is_not_counted(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    group = with_one(monkeypatch)
    crashed(group, said())
    clock[0] += 5.0
    child = group._children["toko1"]
    child.quarantine = "5 restarts in 60 s"
    unwanted = replace(RECORD, desired=Desired.DISCONNECTED, quarantine=child.quarantine)
    group.receiveMsg_PlaceInstance(PlaceInstance(unwanted), "root")
    clock[0] += 500.0
    group.on_wake("beat", 0)
    shown = group.shown()
    assert (shown.link_state, shown.run) == ("quarantined", Span(105.0, 100.0))


def test_one_whose_process_lives_counts_for_itself(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    group = with_one(monkeypatch)
    group.receiveMsg_InstanceReport(InstanceReport(said()), group._children["toko1"].address)
    clock[0] += 5.0
    group.on_wake("beat", 0)
    assert group.shown().run == Span(100.0, 100.0)


def test_a_new_group_goes_on_from_what_the_root_saw_last(
    monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    group = configured(monkeypatch)
    clock[0] += 7.0
    given_up = replace(RECORD, quarantine="5 restarts in 60 s")
    group.receiveMsg_PlaceInstance(PlaceInstance(given_up, said()), "root")
    shown = group.shown()
    assert (shown.link_state, shown.pid, shown.run) == ("quarantined", None, Span(107.0, 100.0))


def test_a_new_group_tells_the_instance_when_it_was_last_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    group = configured(monkeypatch)
    group.receiveMsg_PlaceInstance(PlaceInstance(RECORD, said()), "root")
    [setup] = group.told(ConfigureInstance)
    assert setup.last_seen == (T0, True)


def test_an_instance_that_never_had_a_process_was_never_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    group = configured(monkeypatch)
    group.receiveMsg_PlaceInstance(PlaceInstance(RECORD, replace(said(), pid=None)), "root")
    [setup] = group.told(ConfigureInstance)
    assert setup.last_seen is None
