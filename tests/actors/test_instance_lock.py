"""A second process of an instance: the lock keeps it out, it waits, says who has it, and goes on once it is free."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from instance_bench import Actor, quiet, setup

from actors.instance import LOCK_RETRY_S
from core.command_messages import ForceRetry
from core.messages import CommandReply, InstanceReport, InstanceStopped, PermitRequest, Routed, StopInstance
from store.files import InstanceLock
from store.layout import DataDir

HELD = f"another process of this instance is still running (pid {os.getpid()})"


@pytest.fixture
def held(tmp_path: Path) -> Iterator[InstanceLock]:
    data = DataDir(tmp_path)
    data.create()
    lock = InstanceLock.acquire(data.lock("toko1"))
    yield lock
    lock.release()


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, held: InstanceLock) -> Iterator[Actor]:
    quiet(monkeypatch)
    made = Actor()
    # Whatever ends the process would end this one.
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail(f"it ended with {code}"))
    made.receiveMsg_ConfigureInstance(setup(tmp_path), "group")
    yield made
    made.receiveMsg_StopInstance(StopInstance(purge=False), "group")


def reasons(actor: Actor) -> list[str | None]:
    return [report.snapshot.reason for report in actor.told(InstanceReport)]


def test_it_says_who_has_the_lock_and_tries_again_soon(second: Actor) -> None:
    assert reasons(second) == [HELD]
    assert second.wakes == [(LOCK_RETRY_S, "open", 0)]
    for _ in range(3):
        second.wake_last("open")
    assert reasons(second) == [HELD] * 4, "each report is a sign of life: nobody takes it for hanging"
    assert second.told(PermitRequest) == [], "it dials nothing"
    assert second._runtime is None


def test_a_command_is_answered_with_the_reason(second: Actor) -> None:
    second.receiveMsg_Routed(Routed(ForceRetry("r1", "toko1"), "web"), "group")
    [reply] = second.told(CommandReply)
    assert (reply.ok, reply.code, reply.message) == (False, "busy", HELD)


def test_once_the_lock_is_free_it_goes_on_without_a_restart(second: Actor, held: InstanceLock) -> None:
    held.release()
    second.wake_last("open")
    assert len(second.told(PermitRequest)) == 1
    shown = second.told(InstanceReport)[-1].snapshot
    assert (shown.link_state, shown.reason, shown.restarts, shown.pid) == ("waiting", None, 0, os.getpid())
    assert shown.epoch > held.epoch


def test_one_that_waits_stops_when_it_is_told_to(second: Actor) -> None:
    second.receiveMsg_StopInstance(StopInstance(purge=False), "group")
    assert len(second.told(InstanceStopped)) == 1
    second.wake_last("open")
    assert reasons(second) == [HELD], "and does not try again"
