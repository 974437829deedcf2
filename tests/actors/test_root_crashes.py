"""Crashes and quarantines while the registry is away, deaf or refusing: without processes, each message by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actors import exits, root_commands
from actors.registry import RegistryActor
from actors.root_crashes import ASK_AGAIN_S
from actors.supervisor import Supervisor
from actors.unsaved import ASKED_AT_ONCE, MAX_CRASHES
from core.config import Settings
from core.instances import InstanceConfig
from core.messages import (
    CommandReply,
    InstanceCrashed,
    OpenJournal,
    OpenRegistry,
    RegistryDone,
    RegistryFailed,
    RegistryLoaded,
    ReloadSettings,
    RestartInstance,
    SaveCrash,
    SaveInstance,
    StartRoot,
)
from core.records import CrashRecord, InstanceRecord
from store import logs
from store.layout import DataDir

TOKO1 = InstanceRecord("toko1", InstanceConfig())
CRASH = CrashRecord("toko1", 1.0, 4711, "killed by SIGKILL", "open")
WHY = "crashed 6 times within 60 s (5 restarts are allowed)"


class Root(Supervisor):
    """What it sends and when it wants to be woken, in lists. A send to nobody raises, as Thespian's does."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []
        self.wakes: list[tuple[float, str]] = []
        self._registry, self._loaded, self._journal = "registry", True, "journal"
        self._records["toko1"] = TOKO1

    def send(self, address: Any, message: Any) -> None:
        assert address is not None, message
        self.sent.append(message)

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        self.wakes.append((delay_s, name))

    def crash(self, number: int = 1, quarantine: str | None = None) -> None:
        record = replace(CRASH, at=float(number))
        self.receiveMsg_InstanceCrashed(InstanceCrashed(record, quarantine), "group")

    def saved(self) -> list[Any]:
        """What was asked of the registry since the last look."""
        asked = [one for one in self.sent if isinstance(one, SaveCrash | SaveInstance)]
        self.sent.clear()
        return asked

    def registry_is_back(self) -> None:
        self._registry = "registry 2"
        self.receiveMsg_RegistryLoaded(RegistryLoaded(()), "registry 2")


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Root:
    monkeypatch.setattr(exits, "install", lambda: None)
    monkeypatch.setattr(logs, "log_event", lambda *_, **__: None)
    return Root()


def quarantined(root: Root) -> str | None:
    return root._records["toko1"].quarantine


def test_a_quarantine_while_the_registry_is_away_counts_and_is_written_when_it_is_back(root: Root) -> None:
    root._forget_part("registry", "killed by SIGKILL")
    root.crash(quarantine=WHY)
    assert quarantined(root) == WHY
    assert root.saved() == []
    root.registry_is_back()
    quarantine, crash = root.saved()
    assert quarantine.record == replace(TOKO1, quarantine=WHY)
    assert crash.record == CRASH


def test_what_went_to_a_registry_that_died_unnoticed_is_asked_again_until_it_is_durable(root: Root) -> None:
    root.crash(quarantine=WHY)
    first = root.saved()
    root._forget_part("registry", "killed by SIGKILL")
    root.registry_is_back()
    assert root.saved() == first
    for one in first:
        root.receiveMsg_RegistryDone(RegistryDone(one.ref), "registry 2")
    root.registry_is_back()
    assert root.saved() == []


def test_a_refused_crash_is_asked_again_after_a_while(root: Root) -> None:
    root.crash()
    [asked] = root.saved()
    root.receiveMsg_RegistryFailed(RegistryFailed(asked.ref, "storage_failed", "disk full"), "registry")
    assert root.saved() == []
    assert root.wakes == [(ASK_AGAIN_S, "unsaved")]
    root.on_wake("unsaved", 0)
    assert root.saved() == [asked]


def test_many_crashes_are_asked_a_few_at_a_time_and_the_oldest_make_room(root: Root) -> None:
    root._forget_part("registry", "killed by SIGKILL")
    for number in range(MAX_CRASHES + 10):
        root.crash(number)
    root.registry_is_back()
    seen = []
    while asked := root.saved():
        assert len(asked) <= ASKED_AT_ONCE
        seen += [one.record.at for one in asked]
        for one in asked:
            root.receiveMsg_RegistryDone(RegistryDone(one.ref), "registry")
    assert seen == [float(number) for number in range(10, MAX_CRASHES + 10)]


@pytest.mark.parametrize("gone", [True, False], ids=["removed", "freed"])
def test_a_quarantine_that_ended_meanwhile_is_not_written(root: Root, gone: bool) -> None:
    root._forget_part("registry", "killed by SIGKILL")
    root.crash(quarantine=WHY)
    if gone:
        del root._records["toko1"]
    else:
        root._records["toko1"] = TOKO1
    root.registry_is_back()
    assert [type(one) for one in root.saved()] == [SaveCrash]


def test_a_command_meanwhile_is_refused_at_once(root: Root) -> None:
    root._forget_part("registry", "killed by SIGKILL")
    root.crash(quarantine=WHY)
    root.receiveMsg_RestartInstance(RestartInstance("r1", "toko1"), "web")
    [reply] = root.sent
    assert (reply.ref, reply.code, reply.message) == (
        "r1",
        "storage_failed",
        "the registry is being restarted",
    )
    assert quarantined(root) == WHY


def test_new_settings_reach_what_is_there(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_commands.logs, "setup_logging", lambda *_, **__: None)
    root._setup = StartRoot(Settings(), "data", "logs", "host", 0.0)
    for part, expected in (("registry", [OpenJournal]), ("journal", [])):
        root._forget_part(part, "killed by SIGKILL")
        root.sent.clear()
        root.receiveMsg_ReloadSettings(ReloadSettings("r1", Settings()), "web")
        assert [type(one) for one in root.sent if isinstance(one, OpenRegistry | OpenJournal)] == expected
        assert root.sent[-1] == CommandReply("r1", True)


def test_the_registry_keeps_a_crash_once_with_its_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RegistryActor, "begin", lambda *_: None)
    data, said = DataDir(tmp_path), list[Any]()
    monkeypatch.setattr(RegistryActor, "send", lambda _, address, message: said.append(message))
    data.create()
    data.crash.mkdir(parents=True, exist_ok=True)
    (data.crash / "crash-4711.txt").write_text("the stack")
    actor = RegistryActor()
    actor.receiveMsg_OpenRegistry(OpenRegistry(str(tmp_path), str(tmp_path), Settings()), "root")
    for ref in ("root-1", "root-7"):
        actor.receiveMsg_SaveCrash(SaveCrash(ref, CRASH), "root")
    assert said[1:] == [RegistryDone("root-1"), RegistryDone("root-7")]
    assert actor._registry is not None
    assert actor._registry.crashes("toko1") == (replace(CRASH, stack="the stack"),)
    assert list(data.crash.iterdir()) == []
