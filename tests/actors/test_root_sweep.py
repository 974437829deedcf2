"""The sweep's conversation, as the root leads it: without processes, each message by hand."""

import time
from dataclasses import replace

import pytest
from sweep_bench import Root, answer, events, sweeping

from actors.root_sweep import FIRST_SWEEP_S, PARTS_S
from core.cleanup import GRACE_S, SECOND_LOOK_S
from core.config import CleanupSettings, Settings
from core.instances import InstanceConfig
from core.messages import (
    CommandReply,
    EndStale,
    JournalSwept,
    RegistrySwept,
    RunCleanup,
    SweepJournal,
    SweepRegistry,
)
from core.snapshot import InstanceSnapshot
from core.sweeps import Caught


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Root:
    return sweeping(monkeypatch)


def test_the_first_sweep_comes_soon_and_the_others_by_the_interval(root: Root) -> None:
    assert root.wakes == [(FIRST_SWEEP_S, "sweep", 1)]
    root.wake("sweep")
    assert (600.0, "sweep", 2) in root.wakes
    assert (PARTS_S, "swept", 1) in root.wakes


def test_a_shorter_interval_counts_at_once(root: Root) -> None:
    root._take_settings(Settings(cleanup=CleanupSettings(interval_s=5.0)))
    assert root.wakes[-1] == (5.0, "sweep", 2)
    root.on_wake("sweep", 1)
    assert root.told(SweepJournal) == []
    root.wake("sweep")
    assert len(root.told(SweepJournal)) == 1


def test_both_parts_are_asked_and_the_sweep_ends_with_the_last_answer(root: Root) -> None:
    root.wake("sweep")
    [asked] = root.told(SweepRegistry)
    assert asked.oldest == pytest.approx(time.time() - 30 * 86_400, abs=60)
    root.receiveMsg_JournalSwept(JournalSwept(1, 7), "journal")
    assert root._last_sweep is None
    root.receiveMsg_RegistrySwept(RegistrySwept(1, ("gone",), 1, 2), "registry")
    assert root.sweep().caught == Caught(0, 1, 1, 2, 7)
    assert (root.sweep().orphans, root.sweep().problems) == (("gone",), ())
    [(_, text, level, fields)] = events(root, "cleanup.done")
    assert level == "INFO" and "7 old events dropped" in text
    assert (fields["events"], fields["orphaned_sessions"]) == (7, 1)


def test_a_part_that_does_not_answer_in_time_is_a_problem_and_its_late_answer_counts_in_the_next(
    root: Root,
) -> None:
    root.wake("sweep")
    root.receiveMsg_RegistrySwept(RegistrySwept(1), "registry")
    root.wake("swept")
    assert root.sweep().problems == ("the journal did not answer in 60 s",)
    assert events(root, "cleanup.done")[0][2] == "WARN"
    root.receiveMsg_JournalSwept(JournalSwept(1, 20_000), "journal")
    root.wake("sweep")
    answer(root, events=5)
    assert root.sweep().caught.events == 20_005
    assert root._swept.events == 20_005


def test_the_deadline_of_an_ended_sweep_says_nothing(root: Root) -> None:
    root.wake("sweep")
    answer(root)
    before = root.sweep()
    root.wake("swept")
    assert root.sweep() is before


def test_a_part_that_is_being_restarted_is_a_problem_now(root: Root) -> None:
    root._registry = None
    root.wake("sweep")
    root.receiveMsg_JournalSwept(JournalSwept(1), "journal")
    assert root.sweep().problems == ("the registry is being restarted",)


def test_one_sweep_at_a_time(root: Root) -> None:
    root.wake("sweep")
    root.wake("sweep")
    assert len(root.told(SweepJournal)) == 1


def test_a_root_that_stops_does_not_sweep(root: Root) -> None:
    root._ending = ("launcher", "r")
    root.wake("sweep")
    assert root.told(SweepJournal) == []


# ── links that hang ──────────────────────────────────────────────────────────────────────────────────────────────


def stuck(age_s: float = 500.0) -> InstanceSnapshot:
    now = time.time()
    return InstanceSnapshot(
        "a",
        now,
        InstanceConfig(),
        "connected",
        link_state="dialling",
        since=now - age_s,
        deadline_at=now - age_s + 22.0,
        pid=7,
    )


@pytest.fixture
def hanging(root: Root) -> Root:
    """A root whose instance `a` hangs in a dial, in a sweep whose parts have answered."""
    root._feed.put(stuck())
    root._places.homes["a"], root._groups["g1"] = "g1", "group 1"
    root.wake("sweep")
    assert (SECOND_LOOK_S, "look", 1) in root.wakes
    answer(root)
    assert root._last_sweep is None
    return root


def test_who_hangs_at_both_looks_is_ended(hanging: Root) -> None:
    hanging.wake("look")
    [(address, end)] = [one for one in hanging.sent if isinstance(one[1], EndStale)]
    assert (address, end.instance_id, end.pid) == ("group 1", "a", 7)
    assert end.why.startswith("dialling for 50") and end.why.endswith("allowed are 22 s")
    assert hanging.sweep().caught.stale_links == 1
    assert events(hanging, "cleanup.done")[0][2] == "WARN"
    assert len(events(hanging, "cleanup.stale")) == 1


def test_who_went_on_between_the_looks_is_left_alone(hanging: Root) -> None:
    hanging._feed.put(replace(stuck(), since=time.time()))
    hanging.wake("look")
    assert hanging.told(EndStale) == []
    assert hanging.sweep().caught.stale_links == 0


def test_an_overdue_look_of_an_ended_sweep_convicts_nobody(hanging: Root) -> None:
    hanging.wake("swept")
    hanging.wake("look")
    assert hanging.told(EndStale) == []
    assert hanging.sweep().problems == ("the links did not answer in 60 s",)


def test_nobody_is_looked_at_twice_without_need(root: Root) -> None:
    root._feed.put(stuck(age_s=GRACE_S))
    root.wake("sweep")
    assert not [one for one in root.wakes if one[1] == "look"]


# ── on demand ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sweep_on_demand_is_answered_at_once(root: Root) -> None:
    root.receiveMsg_RunCleanup(RunCleanup("r1"), "web")
    assert len(root.told(SweepJournal)) == 1
    assert root.told(CommandReply) == [CommandReply("r1", True, data={"running": True})]


def test_not_before_the_registry_is_loaded(root: Root) -> None:
    root._loaded = False
    root.receiveMsg_RunCleanup(RunCleanup("r1"), "web")
    assert [one.code for one in root.told(CommandReply)] == ["busy"]
    assert root.told(SweepJournal) == []
