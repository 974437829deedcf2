"""The operator's commands at the root: without processes, each message by hand."""

from typing import Any

import pytest

from actors.root_sweep import RootSweep
from core.instances import Desired, InstanceConfig
from core.messages import (
    CommandReply,
    CreateInstance,
    DropInstance,
    InstanceDropped,
    PlaceInstance,
    RegistryDone,
    RemoveInstance,
    RevokeToken,
    SaveInstance,
)
from core.records import InstanceRecord
from core.snapshot import InstanceSnapshot


class Root(RootSweep):
    """What it sends, in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []
        self._registry, self._loaded = "registry", True

    def send(self, address: Any, message: Any) -> None:
        self.sent.append(message)


@pytest.mark.parametrize(
    ("command", "code"),
    [(RevokeToken("r1", "NOPE"), "token_not_found"), (RemoveInstance("r1", "NOPE"), "instance_not_found")],
    ids=["token", "instance"],
)
def test_what_the_registry_does_not_have_is_named(command: Any, code: str) -> None:
    root = Root()
    root._records["NOPE"] = InstanceRecord("NOPE", InstanceConfig())
    getattr(root, f"receiveMsg_{type(command).__name__}")(command, "web")
    root.receiveMsg_RegistryDone(RegistryDone("r1", found=False), "registry")
    (reply,) = (one for one in root.sent if isinstance(one, CommandReply))
    assert (reply.ref, reply.ok, reply.code) == ("r1", False, code)
    assert "NOPE" in reply.message


@pytest.mark.parametrize("quarantine", [None, "5 restarts in 60 s"], ids=["runs", "quarantined"])
def test_a_group_is_told_what_is_known_of_an_instance_without_process(quarantine: str | None) -> None:
    root, record = Root(), InstanceRecord("toko1", InstanceConfig(), quarantine=quarantine)
    root._groups["g1"] = "group"
    known = InstanceSnapshot("toko1", 1.0, record.config, "connected", link_state="quarantined", restarts=6)
    root._feed.put(known)
    root._place(record)
    [placed] = (one for one in root.sent if isinstance(one, PlaceInstance))
    assert placed.known is not None and placed.known.restarts == 6
    assert quarantine is None or placed.known.reason == quarantine


def create(root: Root) -> SaveInstance:
    """Asked of the registry and done."""
    root.receiveMsg_CreateInstance(CreateInstance("c1", "toko1", InstanceConfig(), Desired.CONNECTED), "web")
    (asked,) = (one for one in root.sent if isinstance(one, SaveInstance))
    root.receiveMsg_RegistryDone(RegistryDone("c1"), "registry")
    assert isinstance(asked, SaveInstance)
    return asked


def placed_in(root: Root, group: str) -> None:
    """An instance that runs there."""
    root._records["toko1"] = InstanceRecord("toko1", InstanceConfig())
    root._places.homes["toko1"], root._groups[group] = group, group


def remove(root: Root) -> None:
    root.receiveMsg_RemoveInstance(RemoveInstance("r1", "toko1"), "web")
    root.receiveMsg_RegistryDone(RegistryDone("r1"), "registry")


def test_an_id_that_nobody_has_must_have_no_file_left() -> None:
    root = Root()
    root._groups["g1"] = "g1"
    assert create(root).new
    assert [one.fresh for one in root.sent if isinstance(one, PlaceInstance)] == [False]


def test_an_id_that_is_still_being_removed_is_taken_fresh() -> None:
    root = Root()
    placed_in(root, "g1")
    remove(root)
    assert not create(root).new
    kinds = (DropInstance, PlaceInstance)
    assert [type(one) for one in root.sent if isinstance(one, kinds)] == [DropInstance, PlaceInstance]
    assert [one.fresh for one in root.sent if isinstance(one, PlaceInstance)] == [True]


@pytest.mark.parametrize("how", ["dropped", "group lost before", "group lost while it removes"])
def test_an_id_that_was_removed_is_as_if_nobody_had_it(how: str) -> None:
    root = Root()
    placed_in(root, "g1")
    if how == "group lost before":
        del root._groups["g1"]
    remove(root)
    if how == "dropped":
        root.receiveMsg_InstanceDropped(InstanceDropped("toko1"), "g1")
    elif how == "group lost while it removes":
        root._place_members("g1")
    root._groups["g1"] = "g1"
    assert create(root).new
