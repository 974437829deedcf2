"""The base of every actor, without an actor system: what goes into receiveMessage and what comes out."""

import logging
import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from thespian.actors import (
    ActorExitRequest,
    ChildActorExited,
    PoisonMessage,
    ThespianWatch,
    WakeupMessage,
    WatchMessage,
)

from actors.base import MAX_REMEMBERED_FDS, BaseActor


@dataclass(frozen=True)
class Greet:
    name: str


@dataclass(frozen=True)
class Explode:
    pass


@dataclass(frozen=True)
class Unknown:
    pass


class Manager:
    """Stands in for what Thespian puts below an actor."""

    def __init__(self) -> None:
        self.wakeups: list[tuple[timedelta, Any]] = []
        self.addresses = iter(["child 0", "child 1", "child 2"])

    def wakeupAfter(self, period: timedelta, payload: Any) -> None:
        self.wakeups.append((period, payload))

    def createActor(self, *_: Any) -> str:
        return next(self.addresses)


class Specimen(BaseActor):
    def __init__(self) -> None:
        super().__init__()
        self._myRef = Manager()
        self.seen: list[Any] = []
        self.fds: list[int] = []
        self.broken = False

    def watched_fds(self) -> list[int]:
        if self.broken:
            raise RuntimeError("no list")
        return self.fds

    def on_watch(self) -> None:
        self.seen.append("watch")

    def on_wake(self, name: str, epoch: int) -> None:
        self.seen.append((name, epoch))

    def on_child_exited(self, address: Any) -> None:
        self.seen.append(address)

    def on_exit(self) -> None:
        self.seen.append("exit")

    def on_bug(self, error: Exception) -> None:
        self.seen.append(str(error))
        if self.broken:
            raise RuntimeError("broken as well")

    def receiveMsg_Greet(self, message: Greet, sender: Any) -> None:
        self.seen.append((message.name, sender))

    def receiveMsg_Explode(self, _message: Explode, _sender: Any) -> None:
        raise ValueError("boom")


@pytest.fixture
def actor(monkeypatch: pytest.MonkeyPatch) -> Specimen:
    monkeypatch.setattr(logging.getLogger("sambung"), "propagate", True)
    return Specimen()


def watched(actor: Specimen, fds: list[int]) -> list[int]:
    """What is handed to Thespian when the actor wants to watch these."""
    actor.fds = fds
    watch = actor.receiveMessage(Greet("x"), None)
    assert watch is None or isinstance(watch, ThespianWatch)
    return list(watch.filenos) if watch else []


@pytest.mark.parametrize(
    ("message", "seen"),
    [
        (Greet("Sari"), ("Sari", "sender")),
        (WakeupMessage(timedelta(1), ("beat", 3)), ("beat", 3)),
        (WatchMessage([5]), "watch"),
        (ActorExitRequest(), "exit"),
        (Explode(), "boom"),
    ],
    ids=["a message", "a timer", "a watched descriptor", "the end", "a bug"],
)
def test_messages_reach_their_hooks(actor: Specimen, message: Any, seen: Any) -> None:
    actor.receiveMessage(message, "sender")
    assert actor.seen == [seen]


def test_no_exception_gets_out_even_when_everything_is_broken(
    actor: Specimen, caplog: pytest.LogCaptureFixture
) -> None:
    actor.broken = True
    assert actor.receiveMessage(Explode(), None) is None
    texts = [record.getMessage() for record in caplog.records]
    assert [text for text in texts if "handling Explode" in text]
    assert [text for text in texts if "on_bug" in text] and [text for text in texts if "watched_fds" in text]


def test_unknown_messages_are_logged_once_for_each_type(
    actor: Specimen, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        actor.receiveMessage(Unknown(), None)
        actor.receiveMessage(PoisonMessage("x"), None)
        actor.receiveMessage(WakeupMessage(timedelta(1), "not ours"), None)
    texts = [record.getMessage() for record in caplog.records]
    assert [text.rsplit(" ", 1)[1] for text in texts] == ["Unknown", "PoisonMessage", "WakeupMessage"]


def test_timers_carry_name_and_epoch_and_are_never_negative(actor: Specimen) -> None:
    actor.wake_after(1.5, "beat", 7)
    actor.wake_after(-3.0, "late", 1)
    assert actor._myRef.wakeups == [(timedelta(seconds=1.5), ("beat", 7)), (timedelta(0), ("late", 1))]


def test_the_end_of_a_child_is_told_once(actor: Specimen) -> None:
    for _ in range(2):
        actor.createActor("actors.some.Class")
    for address in ["child 1", "child 1", "child 0", "a stranger", "child 0", "child 1"]:
        actor.receiveMessage(ChildActorExited(address), None)
    assert actor.seen == ["child 1", "child 0"]


def test_a_later_child_at_the_same_address_is_told_again(actor: Specimen) -> None:
    actor._myRef.addresses = iter(["same", "same"])
    for _ in range(2):
        actor.createActor("actors.some.Class")
        actor.receiveMessage(ChildActorExited("same"), None)
        actor.receiveMessage(ChildActorExited("same"), None)
    assert actor.seen == ["same", "same"]


def test_only_what_can_be_watched_is_handed_on(actor: Specimen, tmp_path: Path) -> None:
    one, other = socket.socketpair()
    reading, writing = os.pipe()
    event = os.eventfd(0)
    closed = os.dup(reading)
    os.close(closed)
    null, folder = os.open("/dev/null", os.O_RDONLY), os.open(tmp_path, os.O_RDONLY)
    with (tmp_path / "file").open("w") as file:
        good = [one.fileno(), reading, event]
        assert watched(actor, [*good, *good, closed, -1, null, folder, file.fileno()]) == sorted(good)
    for descriptor in (reading, writing, event, null, folder):
        os.close(descriptor)
    assert watched(actor, good) == [one.fileno()]
    one.close()
    other.close()
    assert watched(actor, good) == []


def test_a_number_that_now_means_a_file_is_noticed(actor: Specimen, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    assert watched(actor, [reading]) == [reading]
    with (tmp_path / "file").open("w") as file:
        os.dup2(file.fileno(), reading)
        assert watched(actor, [reading]) == []
    os.close(reading)
    os.close(writing)


def test_an_unwatchable_descriptor_is_logged_once(actor: Specimen, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(5):
        watched(actor, [-1])
    assert len(caplog.records) == 1
    assert "can't watch descriptor -1" in caplog.text


def test_the_memory_of_descriptors_is_bounded(actor: Specimen) -> None:
    for _ in range(2 * MAX_REMEMBERED_FDS):
        one, other = socket.socketpair()
        watched(actor, [one.fileno()])
        one.close()
        other.close()
    assert len(actor._pollable) <= MAX_REMEMBERED_FDS
