"""The sweep's conversation, as the root leads it: without processes, each message by hand."""

import time
from dataclasses import replace
from typing import Any

import pytest

from actors import exits
from actors.root_sweep import FIRST_SWEEP_S, PARTS_S, RootSweep
from core.cleanup import GRACE_S, SECOND_LOOK_S
from core.config import CleanupSettings, Settings
from core.instances import InstanceConfig
from core.messages import (
    CommandReply,
    DeleteLeftover,
    EndStale,
    InstanceDropped,
    JournalSwept,
    PurgeSession,
    RegistryDone,
    RegistryFailed,
    RegistrySwept,
    RunCleanup,
    SweepJournal,
    SweepRegistry,
)
from core.records import InstanceRecord
from core.snapshot import InstanceSnapshot
from core.sweeps import Caught, Sweep
from store import logs


class Root(RootSweep):
    """What it sends and when it wants to be woken, in lists."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[Any, Any]] = []
        self.wakes: list[tuple[float, str, int]] = []
        self._registry, self._journal, self._loaded = "registry", "journal", True

    def send(self, address: Any, message: Any) -> None:
        self.sent.append((address, message))

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        self.wakes.append((delay_s, name, epoch))

    def wake(self, name: str) -> None:
        """The last wake-up of this name is due."""
        _, _, epoch = next(one for one in reversed(self.wakes) if one[1] == name)
        self.on_wake(name, epoch)

    def told(self, kind: type) -> list[Any]:
        return [message for _, message in self.sent if isinstance(message, kind)]

    def sweep(self) -> Sweep:
        assert self._last_sweep is not None
        return self._last_sweep


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Root:
    monkeypatch.setattr(exits, "install", lambda: None)
    logged: list[tuple[Any, ...]] = []
    monkeypatch.setattr(logs, "log_event", lambda *args, **fields: logged.append((*args, fields)))
    one = Root()
    one.logged = logged  # type: ignore[attr-defined]
    one._begin_sweeping()
    return one


def events(root: Root, name: str) -> list[Any]:
    return [one for one in root.logged if one[0] == name]  # type: ignore[attr-defined]


def answer(root: Root, orphans: tuple[str, ...] = (), events: int = 0, problem: str = "") -> None:
    number = root.told(SweepJournal)[-1].number
    root.receiveMsg_RegistrySwept(RegistrySwept(number, orphans, 1, 2, problem), "registry")
    root.receiveMsg_JournalSwept(JournalSwept(number, events), "journal")


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


# ── session files without instance ───────────────────────────────────────────────────────────────────────────────


def test_an_orphan_is_told_and_counted_once_and_again_when_it_comes_back(root: Root) -> None:
    for orphans in (("gone",), ("gone",), (), ("gone",)):
        root.wake("sweep")
        answer(root, orphans)
    assert len(events(root, "cleanup.orphan")) == 2
    assert root._swept.orphaned_sessions == 2


def test_a_registry_that_could_not_look_leaves_the_orphans_as_they_were(root: Root) -> None:
    root.wake("sweep")
    answer(root, ("gone",))
    root.wake("sweep")
    answer(root, problem="registry: the disk is full")
    assert root.sweep().orphans == ("gone",)
    root.wake("sweep")
    answer(root, ("gone",))
    assert len(events(root, "cleanup.orphan")) == 1


def test_a_hundred_orphans_are_named_and_all_are_counted(root: Root) -> None:
    found = tuple(f"gone{number:03}" for number in range(101))
    root.wake("sweep")
    answer(root, found)
    assert (root.sweep().orphans, root.sweep().orphan_count) == (found[:100], 101)


def test_instances_that_the_root_knows_are_no_orphans(root: Root) -> None:
    root._records["new"] = InstanceRecord("new", InstanceConfig())
    root._places.homes["going"] = "g1"
    root.wake("sweep")
    answer(root, ("going", "gone", "new"))
    assert root.sweep().orphans == ("gone",)


def test_deleting_an_orphan_takes_it_out_of_the_report_and_of_a_sweep_under_way(root: Root) -> None:
    root.wake("sweep")
    answer(root, ("gone", "old"))
    root.wake("sweep")
    root.receiveMsg_RegistrySwept(RegistrySwept(2, ("gone", "old")), "registry")
    root.receiveMsg_DeleteLeftover(DeleteLeftover("r1", "gone"), "web")
    assert root.told(PurgeSession) == [PurgeSession("r1", "gone")]
    root.receiveMsg_RegistryDone(RegistryDone("r1"), "registry")
    assert root.told(CommandReply) == [CommandReply("r1", True)]
    assert (root.sweep().orphans, root.sweep().orphan_count) == (("old",), 1)
    root.receiveMsg_JournalSwept(JournalSwept(2), "journal")
    assert root.sweep().orphans == ("old",)
    assert len(events(root, "cleanup.orphan")) == 2


@pytest.mark.parametrize(
    ("reply", "code"),
    [(RegistryDone("r1", found=False), "not_found"), (RegistryFailed("r1", "busy", "held"), "busy")],
)
def test_what_the_registry_could_not_delete_stays(root: Root, reply: Any, code: str) -> None:
    root.wake("sweep")
    answer(root, ("gone",))
    root.receiveMsg_DeleteLeftover(DeleteLeftover("r1", "gone"), "web")
    if isinstance(reply, RegistryDone):
        root.receiveMsg_RegistryDone(reply, "registry")
    else:
        root.receiveMsg_RegistryFailed(reply, "registry")
    assert [one.code for one in root.told(CommandReply)] == [code]
    assert root.sweep().orphans == ("gone",)


def test_the_file_of_an_instance_is_not_deleted(root: Root) -> None:
    root._records["toko1"] = InstanceRecord("toko1", InstanceConfig())
    root.receiveMsg_DeleteLeftover(DeleteLeftover("r1", "toko1"), "web")
    assert [one.code for one in root.told(CommandReply)] == ["instance_exists"]
    assert root.told(PurgeSession) == []


def test_an_instance_that_was_removed_leaves_no_file(root: Root) -> None:
    root._places.homes["q"] = "g1"
    root.receiveMsg_InstanceDropped(InstanceDropped("q"), "g1")
    assert root.told(PurgeSession) == [PurgeSession("", "q")]
    root._records["moved"] = InstanceRecord("moved", InstanceConfig())
    root.receiveMsg_InstanceDropped(InstanceDropped("moved"), "g1")
    assert len(root.told(PurgeSession)) == 1


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
