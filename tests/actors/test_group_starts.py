"""How a group starts processes, and when it cannot; without an actor system: each message by hand."""

from dataclasses import replace

import pytest
from group_bench import RECORD, Group, with_one

from actors import exits
from actors.group_reports import STARTS_AT_ONCE
from core.config import Settings
from core.messages import DropInstance, InstanceCrashed, InstanceReport, PlaceInstance
from core.snapshot import InstanceSnapshot

WHY = "no process can be started: Too many open files; trying again"


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Group:
    return with_one(monkeypatch)


def test_a_process_that_never_came_to_be_is_no_crash_however_often(one: Group) -> None:
    for times in range(1, 10):
        one.on_child_exited(one.started[-1])
        assert one.wakes[-1][0] == Settings().supervision.delay_max_s
        one.again()
        assert len(one.started) == times + 1
    assert one.told(InstanceCrashed) == []
    child = one._children["toko1"]
    assert (child.restarts, child.quarantine, child.history) == (0, None, ())
    snapshot = one.shown()
    assert (snapshot.link_state, snapshot.reason) == ("waiting", WHY)


def test_a_process_that_ended_before_its_first_word_is_a_crash(one: Group) -> None:
    exits._EXITS[one.started[-1]] = (4711, "exit code 1")
    one.on_child_exited(one.started[-1])
    [crash] = one.told(InstanceCrashed)
    assert (crash.record.pid, crash.record.cause) == (4711, "exit code 1")


def up(group: Group, name: str) -> None:
    """The first report of an instance that was started."""
    snapshot = InstanceSnapshot(name, 1.0, RECORD.config, "connected", pid=4712)
    group.receiveMsg_InstanceReport(InstanceReport(snapshot), group._children[name].address)


def test_a_few_start_at_a_time_and_each_that_is_up_makes_room_for_the_next(one: Group) -> None:
    for number in range(2, 9):
        one.receiveMsg_PlaceInstance(PlaceInstance(replace(RECORD, instance_id=f"toko{number}")), "root")
    assert len(one.started) == STARTS_AT_ONCE
    up(one, "toko2")
    assert len(one.started) == STARTS_AT_ONCE + 1
    one.on_child_exited(one._children["toko3"].address)  # its restart waits for its delay, not for a place
    assert len(one.started) == STARTS_AT_ONCE + 2
    one.receiveMsg_DropInstance(DropInstance("toko7", purge=False), "root")
    up(one, "toko1")
    assert one._children["toko8"].address is not None


def test_one_that_says_nothing_holds_nobody_up_for_long(one: Group) -> None:
    for number in range(2, 9):
        one.receiveMsg_PlaceInstance(PlaceInstance(replace(RECORD, instance_id=f"toko{number}")), "root")
    name, epoch = next(wake[1:] for wake in one.wakes if wake[1] == "started:toko1")
    one.on_wake(name, epoch)
    assert len(one.started) == STARTS_AT_ONCE + 1
