"""The operator's commands at the root: without processes, each message by hand."""

from typing import Any

import pytest

from actors.root_commands import RootCommands
from core.instances import InstanceConfig
from core.messages import CommandReply, PlaceInstance, RegistryDone, RemoveInstance, RevokeToken
from core.records import InstanceRecord
from core.snapshot import InstanceSnapshot


class Root(RootCommands):
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
    assert (placed.known is None) is (quarantine is None)
    assert placed.known is None or (placed.known.restarts, placed.known.reason) == (6, quarantine)
