"""An instance actor without an actor system: each message by hand, what it sends in a list; lock and store are real."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors import instance, instance_ends
from actors.data_limit import DataLimit
from actors.instance import InstanceActor
from core.config import Settings
from core.instances import Desired, InstanceConfig
from core.messages import ConfigureInstance
from core.records import InstanceRecord
from store import logs
from store.layout import DataDir

RECORD = InstanceRecord("toko1", InstanceConfig(url="ws://127.0.0.1:9/"), Desired.CONNECTED, 0.0)


class Actor(InstanceActor):
    """What it sends and wants to be woken for."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []
        self.wakes: list[tuple[float, str, int]] = []

    @property
    def myAddress(self) -> Any:
        return "me"

    def send(self, address: Any, message: Any) -> None:
        self.sent.append(message)

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        self.wakes.append((delay_s, name, epoch))

    def told(self, kind: type) -> list[Any]:
        return [message for message in self.sent if isinstance(message, kind)]

    def wake_last(self, prefix: str) -> None:
        """The last wake-up of this name is due."""
        name, epoch = next(one[1:] for one in reversed(self.wakes) if one[1].startswith(prefix))
        self.on_wake(name, epoch)


def setup(folder: Path, **more: Any) -> ConfigureInstance:
    """Its first message; `more` replaces what it says."""
    DataDir(folder).create()
    first = ConfigureInstance(
        record=RECORD,
        settings=Settings(),
        data_dir=str(folder),
        log_dir=str(folder / "logs"),
        host="h",
        journal="journal",
        restarts=0,
        started_at=0.0,
    )
    return replace(first, **more)


def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this process changes: neither its title nor its log nor its limit, and it ends for no ceiling."""
    monkeypatch.setattr(instance_ends, "private_bytes", lambda: 1)
    monkeypatch.setattr(DataLimit, "keep", lambda *_: None)
    monkeypatch.setattr(instance, "setproctitle", lambda _: None)
    monkeypatch.setattr(logs, "setup_logging", lambda *_, **__: None)
    monkeypatch.setattr(logs, "log_event", lambda *_, **__: None)
