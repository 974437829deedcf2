"""A group supervisor without an actor system: each message by hand, what it does in lists."""

import itertools
from typing import Any

import pytest

from actors import exits, group, group_watch
from actors.group import GroupSupervisor
from core.config import Settings
from core.instances import Desired, InstanceConfig
from core.messages import ConfigureGroup, GroupReport, PlaceInstance
from core.records import InstanceRecord
from core.snapshot import InstanceSnapshot
from store import logs

ADDRESSES = itertools.count()
RECORD = InstanceRecord("toko1", InstanceConfig(url="ws://127.0.0.1:9/"), Desired.CONNECTED, 0.0)


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

    def shown(self) -> InstanceSnapshot:
        """What the group tells the root now of its only instance."""
        self.on_wake("flush", self._merger.armed)
        [snapshot] = self.told(GroupReport)[-1].changed
        assert isinstance(snapshot, InstanceSnapshot)
        return snapshot


def configured(monkeypatch: pytest.MonkeyPatch) -> Group:
    """A group that waits for its first instance."""
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


def with_one(monkeypatch: pytest.MonkeyPatch) -> Group:
    made = configured(monkeypatch)
    made.receiveMsg_PlaceInstance(PlaceInstance(RECORD), "root")
    return made
