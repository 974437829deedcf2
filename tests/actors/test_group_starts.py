"""How a group starts processes, and when it cannot; without an actor system: each message by hand."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from actors import exits, group, group_watch
from actors.group import GroupSupervisor
from actors.group_reports import STARTS_AT_ONCE
from core.availability import Span
from core.config import Settings
from core.instances import Desired, InstanceConfig
from core.messages import (
    ConfigureGroup,
    ConfigureInstance,
    DropInstance,
    GroupReport,
    InstanceCrashed,
    InstanceReport,
    PlaceInstance,
    StopGroup,
    StopInstance,
)
from core.records import InstanceRecord
from core.snapshot import InstanceSnapshot
from store import logs

ADDRESSES = itertools.count()
RECORD = InstanceRecord("toko1", InstanceConfig(url="ws://127.0.0.1:9/"), Desired.CONNECTED, 0.0)
WHY = "no process can be started: Too many open files; trying again"


class Group(GroupSupervisor):
    """What it sends, starts and wants to be woken for, in lists."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []
        self.wakes: list[tuple[float, str, int]] = []
        self.started: list[str] = []

    def send(self, address: Any, message: Any) -> None:
        self.sent.append(message)

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        self.wakes.append((delay_s, name, epoch))

    def createActor(self, *_: Any, **__: Any) -> Any:
        self.started.append(f"child {next(ADDRESSES)}")
        return self.started[-1]

    def told(self, kind: type) -> list[Any]:
        return [message for message in self.sent if isinstance(message, kind)]

    def again(self) -> None:
        """The last wake-up for a start is due."""
        name, epoch = next(one[1:] for one in reversed(self.wakes) if one[1].startswith("start:"))
        self.on_wake(name, epoch)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Group:
    """A group without instances."""
    monkeypatch.setattr(exits, "install", lambda: None)
    monkeypatch.setattr(group, "setproctitle", lambda _: None)
    monkeypatch.setattr(group_watch, "shortage", lambda: "Too many open files")
    monkeypatch.setattr(logs, "setup_logging", lambda *_, **__: None)
    monkeypatch.setattr(exits, "_EXITS", {})
    made = Group()
    made.receiveMsg_ConfigureGroup(
        ConfigureGroup(
            name="g1", settings=Settings(), data_dir="d", log_dir="l", host="h", journal=None, started_at=0.0
        ),
        "root",
    )
    return made


@pytest.fixture
def one(bare: Group) -> Group:
    """A group with one instance, whose process is being started."""
    bare.receiveMsg_PlaceInstance(PlaceInstance(RECORD), "root")
    return bare


def test_a_process_that_never_came_to_be_is_no_crash_however_often(one: Group) -> None:
    for times in range(1, 10):
        one.on_child_exited(one.started[-1])
        assert one.wakes[-1][0] == Settings().supervision.delay_max_s
        one.again()
        assert len(one.started) == times + 1
    assert one.told(InstanceCrashed) == []
    child = one._children["toko1"]
    assert (child.restarts, child.quarantine, child.history) == (0, None, ())
    one.on_wake("flush", one._merger.armed)
    [snapshot] = one.told(GroupReport)[-1].changed
    assert (snapshot.link_state, snapshot.reason) == ("waiting", WHY)


def test_a_process_that_ended_before_its_first_word_is_a_crash(one: Group) -> None:
    exits._EXITS[one.started[-1]] = (4711, "exit code 1")
    one.on_child_exited(one.started[-1])
    [crash] = one.told(InstanceCrashed)
    assert (crash.record.pid, crash.record.cause) == (4711, "exit code 1")


def reported(group: Group) -> InstanceSnapshot:
    """What the root hears of toko1."""
    group.on_wake("flush", group._merger.armed)
    [snapshot] = group.told(GroupReport)[-1].changed
    assert isinstance(snapshot, InstanceSnapshot)
    return snapshot


QUARANTINED = replace(RECORD, quarantine="5 restarts in 60 s")
KNOWN = InstanceSnapshot(
    "toko1",
    2.0,
    RECORD.config,
    "connected",
    link_state="quarantined",
    since=1.0,
    host="h",
    restarts=6,
    run=Span(100.0, 90.0),
    day=Span(100.0, 90.0),
)


def test_a_quarantined_instance_is_what_it_was_for_the_group_before(bare: Group) -> None:
    bare.receiveMsg_PlaceInstance(PlaceInstance(QUARANTINED, KNOWN), "root")
    seen = reported(bare)
    assert bare.started == []
    assert replace(seen, at=KNOWN.at, reason=None, next_step=None) == KNOWN
    assert (seen.reason, seen.next_step) == (QUARANTINED.quarantine, "Restart the instance.")
    assert bare._children["toko1"].restarts == KNOWN.restarts


def test_a_quarantine_begins_when_it_is_first_shown(bare: Group) -> None:
    bare.receiveMsg_PlaceInstance(PlaceInstance(QUARANTINED, replace(KNOWN, link_state="waiting")), "root")
    assert reported(bare).since > KNOWN.since


def test_one_of_which_nothing_is_known_is_on_this_host(bare: Group) -> None:
    bare.receiveMsg_PlaceInstance(PlaceInstance(QUARANTINED), "root")
    assert reported(bare).host == "h"


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


def process_reports(group: Group, epoch: int) -> None:
    snapshot = InstanceSnapshot("toko1", 1.0, RECORD.config, "connected", pid=4712, epoch=epoch)
    group.receiveMsg_InstanceReport(InstanceReport(snapshot), group._children["toko1"].address)


def test_an_instance_made_anew_while_it_is_removed_takes_over_no_file_and_keeps_its_own(one: Group) -> None:
    """The process that was to delete the old file may have ended before that."""
    process_reports(one, 1)
    one.receiveMsg_DropInstance(DropInstance("toko1", purge=True), "root")
    one.receiveMsg_PlaceInstance(PlaceInstance(RECORD), "root")
    process_reports(one, 1)  # the old process, while it stops
    one.on_child_exited(one.started[-1])
    assert [asked.fresh for asked in one.told(ConfigureInstance)] == [False, True]
    process_reports(one, 0)  # it waits for the lock
    one.on_child_exited(one.started[-1])
    one.again()
    assert one.told(ConfigureInstance)[-1].fresh
    process_reports(one, 2)
    one.receiveMsg_PlaceInstance(PlaceInstance(RECORD), "root")
    assert not one.told(ConfigureInstance)[-1].fresh
    one.receiveMsg_StopGroup(StopGroup(), "root")
    assert [asked.purge for asked in one.told(StopInstance)] == [True, False]


def test_a_place_of_a_removed_instance_is_taken_fresh(one: Group) -> None:
    again = replace(RECORD, instance_id="again")
    one.receiveMsg_PlaceInstance(PlaceInstance(again, fresh=True), "root")
    assert one.told(ConfigureInstance)[-1].fresh
