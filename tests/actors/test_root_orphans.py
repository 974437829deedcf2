"""Session files without instance, as the root's sweeps find, tell and delete them."""

from typing import Any

import pytest
from sweep_bench import Root, answer, events, sweeping

from core.instances import InstanceConfig
from core.messages import (
    CommandReply,
    DeleteLeftover,
    InstanceDropped,
    JournalSwept,
    PurgeSession,
    RegistryDone,
    RegistryFailed,
    RegistrySwept,
)
from core.records import InstanceRecord


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Root:
    return sweeping(monkeypatch)


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
