"""How an instance comes to its session file; without an actor system: each message by hand."""

from pathlib import Path
from typing import Any

import pytest

from actors import instance as module
from actors import instance_ends
from actors.data_limit import DataLimit
from actors.instance import InstanceActor
from core.config import Settings, SupervisionSettings
from core.instances import Desired, InstanceConfig
from core.messages import CommandReply, ConfigureInstance, InstanceReport, Routed, SubmitMessage
from core.records import InstanceRecord, OutboxMessage
from store import logs, sqlitefile
from store.files import InstanceLock
from store.layout import DataDir
from store.session import Batch, SessionStore

RECORD = InstanceRecord("a", InstanceConfig(url="ws://127.0.0.1:9/"), Desired.DISCONNECTED)


class Instance(InstanceActor):
    """What it sends and wants to be woken for, in lists."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []
        self.wakes: list[tuple[float, str]] = []

    def send(self, address: Any, message: Any) -> None:
        self.sent.append(message)

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        self.wakes.append((delay_s, name))

    @property
    def myAddress(self) -> Any:
        return "me"

    def reported(self) -> Any:
        return next(one.snapshot for one in reversed(self.sent) if isinstance(one, InstanceReport))

    def refused(self) -> CommandReply:
        """The answer to a message."""
        self.receiveMsg_Routed(Routed(SubmitMessage("r", "a", "m", b"x"), "web"), "group")
        reply = self.sent[-1]
        assert isinstance(reply, CommandReply)
        return reply


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDir:
    monkeypatch.setattr(logs, "setup_logging", lambda *_, **__: None)
    monkeypatch.setattr(module, "setproctitle", lambda _: None)
    monkeypatch.setattr(
        instance_ends, "private_bytes", lambda: 1
    )  # the test process may be above the ceiling
    monkeypatch.setattr(DataLimit, "keep", lambda *_: None)
    found = DataDir(tmp_path)
    found.create()
    store = SessionStore.open(found.session("a"), 1.0)
    store.commit(Batch(outbox=[OutboxMessage("old", b"x", 1.0, 9e9)]))
    store.close()
    return found


def configured(data: DataDir, heartbeat_s: float = 5.0, **more: Any) -> Instance:
    one = Instance()
    root, settings = str(data.root), Settings(supervision=SupervisionSettings(heartbeat_s=heartbeat_s))
    setup = ConfigureInstance(RECORD, settings, root, root, "h", "journal", 0, 0.0, **more)
    one.receiveMsg_ConfigureInstance(setup, "group")
    return one


def waiting(data: DataDir) -> int:
    store = SessionStore.open(data.session("a"), 1.0)
    count = len(store.load().pending)
    store.close()
    return count


def test_a_file_is_taken_over_unless_it_is_a_removed_instances(data: DataDir) -> None:
    assert configured(data).reported().queued_messages == 1
    assert waiting(data) == 1


def test_a_removed_instances_file_is_deleted_once_its_process_is_gone(data: DataDir) -> None:
    lock = InstanceLock.acquire(data.lock("a"))
    one = configured(data, fresh=True)
    assert (one.refused().code, waiting(data)) == ("busy", 1)
    lock.release()
    one.on_wake("open", 0)
    assert one.reported().queued_messages == 0
    assert waiting(data) == 0


@pytest.mark.parametrize(("heartbeat_s", "again_s"), [(5.0, 3.0), (0.5, 0.5)])
def test_a_damaged_file_is_looked_at_again_and_named_meanwhile(
    data: DataDir, heartbeat_s: float, again_s: float
) -> None:
    backup = data.session("a").read_bytes()
    data.session("a").write_bytes(b"x" * 5000)
    one = configured(data, heartbeat_s)
    shown, refused = one.reported(), one.refused()
    assert (refused.code, refused.message) == ("storage_failed", shown.reason)
    assert shown.next_step.startswith("Put a sound copy at")
    assert one.wakes[-1] == (again_s, "open")
    data.session("a").write_bytes(backup)
    one.on_wake("open", 0)
    assert (one.reported().next_step, one.reported().queued_messages) == (None, 1)
    assert not sqlitefile.marker_of(data.session("a")).exists()
