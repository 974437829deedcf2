"""What a group knows of an instance that was there before: quarantined, or removed and made anew."""

from dataclasses import replace

import pytest
from group_bench import RECORD, Group, configured, with_one

from core.availability import Span
from core.messages import (
    ConfigureInstance,
    DropInstance,
    InstanceReport,
    PlaceInstance,
    StopGroup,
    StopInstance,
)
from core.snapshot import InstanceSnapshot


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Group:
    """A group without instances."""
    return configured(monkeypatch)


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> Group:
    return with_one(monkeypatch)


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
    seen = bare.shown()
    assert bare.started == []
    counted = {name: getattr(KNOWN, name) for name in ("at", "run", "day", "month")}
    assert replace(seen, reason=None, next_step=None, **counted) == KNOWN
    assert seen.run.wanted_s > KNOWN.run.wanted_s, "the time without a process was wanted, too"
    assert seen.run.connected_s == KNOWN.run.connected_s
    assert (seen.reason, seen.next_step) == (QUARANTINED.quarantine, "Restart the instance.")
    assert bare._children["toko1"].restarts == KNOWN.restarts


def test_a_quarantine_begins_when_it_is_first_shown(bare: Group) -> None:
    bare.receiveMsg_PlaceInstance(PlaceInstance(QUARANTINED, replace(KNOWN, link_state="waiting")), "root")
    assert bare.shown().since > KNOWN.since


def test_one_of_which_nothing_is_known_is_on_this_host(bare: Group) -> None:
    bare.receiveMsg_PlaceInstance(PlaceInstance(QUARANTINED), "root")
    assert bare.shown().host == "h"


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
