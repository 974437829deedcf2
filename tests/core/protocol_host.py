"""An upstream and a host for protocols under test: effects are interpreted as an instance does, without any I/O."""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import get_args

from core.effects import (
    Authenticated,
    Change,
    Disconnected,
    Emit,
    Persist,
    ProtocolEffect,
    Reply,
    Send,
    WakeAt,
)
from core.failures import Failure
from core.protocol import Protocol, SendContent

Frame = bytes | str


class Peer(ABC):
    """The upstream. `heard`: the contents of the application messages that reached it, in order."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def opened(self) -> list[Frame]:
        """What it says when somebody connects."""
        return []

    @abstractmethod
    def hears(self, sent: Send) -> list[Frame]:
        """What it answers to one message; application messages go to `heard`."""

    @abstractmethod
    def says(self, number: int) -> Frame:
        """An application message of its own."""


@dataclass(frozen=True)
class Subject:
    """A protocol to test. `content`: bytes for the n-th send; `number`: which `Peer.says` an event came from."""

    protocol: Protocol
    peer: Peer
    content: Callable[[int], bytes]
    number: Callable[[Emit], int]
    secrets: tuple[str, ...] = ()


@dataclass
class Host:
    """Interprets effects as an instance does: what must be durable first, then the rest, in order."""

    subject: Subject
    late: bool
    now_s: float = 1000.0
    turns: list[list[ProtocolEffect]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    emitted: list[Emit] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    authenticated: bool = False
    failure: Failure | None = None
    connected: bool = False
    _inbox: deque[Frame] = field(default_factory=deque)
    _waiting: deque[tuple[int, list[ProtocolEffect]]] = field(default_factory=deque)
    _batch: int = 0

    # ── what happens to the protocol ─────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        self.connected, self.authenticated, self.failure = True, False, None
        self._inbox.extend(self.subject.peer.opened())
        self.turn(self.subject.protocol.on_open(self.now_s))
        self.settle()

    def receive(self, frame: Frame) -> None:
        self.turn(self.subject.protocol.on_message(frame, self.now_s))

    def command(self, number: int) -> None:
        command = SendContent(f"m{number}", self.subject.content(number))
        self.turn(self.subject.protocol.on_command(command, self.now_s))

    def close(self) -> None:
        self.connected = self.authenticated = False
        self.timers.clear()
        self._inbox.clear()
        self._waiting.clear()
        self.turn(self.subject.protocol.on_closed(1006, "gone"))

    def pass_time(self, for_s: float) -> int:
        """Fire what is due, in order, with an upstream that answers; returns how many timers fired."""
        until_s, fired = self.now_s + for_s, 0
        while self.connected and (
            due := [(at_s, name) for name, at_s in self.timers.items() if at_s <= until_s]
        ):
            at_s, name = min(due)
            del self.timers[name]
            self.now_s = max(self.now_s, at_s)
            self.turn(self.subject.protocol.on_timer(name, self.now_s))
            self.settle()
            fired += 1
            assert fired < 10_000, "timers without end"
        self.now_s = until_s
        return fired

    def settle(self) -> None:
        """Let the upstream and the store answer until nobody has anything to say."""
        while self._inbox or self._waiting:
            while self._inbox:
                self.receive(self._inbox.popleft())
            self.store_answers()

    def store_answers(self) -> None:
        if self._waiting:
            number, after = self._waiting.popleft()
            self._act(after)
            self.turn(self.subject.protocol.on_persisted(number, self.now_s))

    # ── what the protocol wants ──────────────────────────────────────────────────────────────────────────────────

    def turn(self, effects: list[ProtocolEffect]) -> None:
        assert all(isinstance(effect, get_args(ProtocolEffect)) for effect in effects)
        self.turns.append(effects)
        if not effects:
            return
        durable, after = False, []
        for effect in effects:
            match effect:
                case Persist():
                    self.changes.extend(effect.changes)
                    durable = True
                case Emit():
                    self.emitted.append(effect)
                    durable = True
                case _:
                    after.append(effect)
        if self.late and (durable or self._waiting):
            self._batch += 1
            self._waiting.append((self._batch, after))
        else:
            self._act(after)

    def _act(self, effects: list[ProtocolEffect]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    assert self.connected, "sends on a connection that is gone"
                    self._inbox.extend(self.subject.peer.hears(effect))
                case WakeAt():
                    assert effect.at_s >= self.now_s, "a timer in the past"
                    self.timers[effect.name] = effect.at_s
                case Authenticated():
                    assert not self.authenticated, "authenticated twice"
                    self.authenticated = True
                case Disconnected():
                    self.failure = effect.failure
                case Reply():
                    self.replies.append(effect)
