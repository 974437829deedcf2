"""Actors and messages of the platform tests; imported by every process of the systems they start."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from actors.base import BaseActor
from actors.wire_classes import allow


class Mood(Enum):
    CALM = "calm"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Echo:
    text: str
    mood: Mood = Mood.CALM


@dataclass(frozen=True, slots=True)
class Spawn:
    """Create children: `breed` names a class here."""

    breed: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Exits:
    """How often each child was reported to have exited, in the order of creation."""

    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskExits:
    pass


@dataclass(frozen=True, slots=True)
class Forward:
    """Pass an Echo to each child; they answer the asker."""

    text: str


@dataclass(frozen=True, slots=True)
class Handed:
    text: str
    asker: Any


@dataclass(frozen=True, slots=True)
class Cross:
    """Of two children, let the one that lives send an Echo to the other."""

    text: str


@dataclass(frozen=True, slots=True)
class Die:
    """End this process: by a signal, or by leaving the handler with an exit."""

    signal_number: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """Block the handler."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class Fail:
    """Raise in the handler."""


@dataclass(frozen=True, slots=True)
class ExitChildren:
    """Ask every child to exit."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Known to everybody, allowed by nobody."""

    text: str


@dataclass(frozen=True, slots=True)
class SayUnlisted:
    pass


allow(
    Mood, Echo, Spawn, Exits, AskExits, Forward, Handed, Cross, Die, Freeze, Fail, ExitChildren, SayUnlisted
)


class Child(BaseActor):
    def on_exit(self) -> None:
        Path(f"exited-{os.getpid()}").touch()

    def receiveMsg_Handed(self, message: Handed, _sender: Any) -> None:
        self.send(message.asker, Echo(message.text))

    def receiveMsg_Echo(self, message: Echo, sender: Any) -> None:
        self.send(sender, message)

    def receiveMsg_Die(self, message: Die, _sender: Any) -> None:
        os.kill(os.getpid(), message.signal_number)

    def receiveMsg_Freeze(self, message: Freeze, _sender: Any) -> None:
        Path(f"frozen-{os.getpid()}").touch()
        time.sleep(message.duration_s)

    def receiveMsg_Fail(self, _message: Fail, _sender: Any) -> None:
        with Path("failures").open("a") as file:
            file.write("failed\n")
        raise RuntimeError("asked to fail")

    def receiveMsg_SayUnlisted(self, _message: SayUnlisted, sender: Any) -> None:
        self.send(sender, Unlisted("x"))


class StillBorn(Child):
    def __init__(self) -> None:
        super().__init__()
        raise RuntimeError("asked not to start")


class KilledAtBirth(Child):
    def __init__(self) -> None:
        super().__init__()
        os.kill(os.getpid(), signal.SIGKILL)


class Root(Child):
    def __init__(self) -> None:
        super().__init__()
        self._brood: list[Any] = []
        self._exits: list[int] = []

    def receiveMsg_Spawn(self, message: Spawn, sender: Any) -> None:
        for _ in range(message.count):
            self._brood.append(self.createActor(getattr(sys.modules[__name__], message.breed)))
            self._exits.append(0)
        self.send(sender, Echo("spawned"))

    def receiveMsg_Forward(self, message: Forward, sender: Any) -> None:
        for child in self._brood:
            self.send(child, Handed(message.text, sender))

    def receiveMsg_Cross(self, message: Cross, _sender: Any) -> None:
        dead = self._exits.index(1)
        self.send(self._brood[1 - dead], Handed(message.text, self._brood[dead]))

    def receiveMsg_ExitChildren(self, _message: ExitChildren, _sender: Any) -> None:
        from thespian.actors import ActorExitRequest

        for child in self._brood:
            self.send(child, ActorExitRequest())

    def receiveMsg_AskExits(self, _message: AskExits, sender: Any) -> None:
        self.send(sender, Exits(tuple(self._exits)))

    def on_child_exited(self, address: Any) -> None:
        for number, child in enumerate(self._brood):
            if child == address:
                self._exits[number] += 1
