"""Drives a session against a scripted server the way an instance does."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

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
from core.protocol import Invoke, SendContent
from tests.whatsapp.scripted_connection import Connection
from tests.whatsapp.scripted_server import WALL_S, Server
from whatsapp.keys import KeyPair
from whatsapp.session import Session
from whatsapp.session_settings import SessionSettings
from whatsapp.state import MemoryState


@dataclass
class Client:
    """Drives one session the way an instance does. `stored`: what a crash leaves."""

    server: Server
    seed: int
    settings: SessionSettings = field(default_factory=SessionSettings)
    stored: MemoryState = field(default_factory=MemoryState)
    now_s: float = 1000.0
    wall_s: float = WALL_S
    events: list[Emit] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    authenticated: bool = False
    connection: Connection | None = None
    auto_restart: bool = True

    def __post_init__(self) -> None:
        self.settings = replace(self.settings, root_key=self.server.root.public, first_upload=20)
        self._restarts = 0
        self.start_process()

    def start_process(self) -> None:
        """A new process: everything but the stored state is gone."""
        self._restarts += 1
        state = MemoryState.load(self.stored.rows())
        rng = random.Random(self.seed * 1000 + self._restarts).randbytes
        self.session = Session(self.settings, state, rng, lambda: self.wall_s)

    def crash(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.timers.clear()
        self.start_process()

    def open(self) -> None:
        self.failure, self.authenticated = None, False
        self.connection = Connection(self.server, self.receive)
        self.act(self.session.on_open(self.now_s))
        self.server.run()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.timers.clear()
        self.act(self.session.on_closed(1006, "gone"))

    def receive(self, data: bytes | str) -> None:
        self.act(self.session.on_message(data, self.now_s))

    def send(self, ref: str, content: bytes) -> None:
        self.act(self.session.on_command(SendContent(ref, content), self.now_s))
        self.server.run()

    def invoke(self, name: str, **arguments: object) -> Reply:
        ref = f"{name}-{len(self.replies)}"
        self.act(self.session.on_command(Invoke(ref, name, arguments), self.now_s))
        self.server.run()
        return next(reply for reply in self.replies if reply.ref == ref)

    def pass_time(self, for_s: float) -> None:
        until_s = self.now_s + for_s
        while due := [(at_s, name) for name, at_s in self.timers.items() if at_s <= until_s]:
            at_s, name = min(due)
            del self.timers[name]
            self.wall_s += max(0.0, at_s - self.now_s)
            self.now_s = max(self.now_s, at_s)
            self.act(self.session.on_timer(name, self.now_s))
            self.server.run()
        self.wall_s += until_s - self.now_s
        self.now_s = until_s

    def told(self, kind: str) -> list[dict[str, object]]:
        return [dict(event.data) for event in self.events if event.kind == kind]

    def texts(self) -> list[str]:
        return [
            event["content"]["text"] for event in self.told("message.received") if event["type"] == "text"
        ]

    def act(self, effects: list[ProtocolEffect]) -> None:
        kinds = [type(effect) for effect in effects]
        assert Persist not in kinds[1:], "changes come first, and together"
        for effect in effects:
            match effect:
                case Persist():
                    changes: tuple[Change, ...] = effect.changes
                    self.stored.apply(changes)
                case Emit():
                    self.events.append(effect)
                case Reply():
                    self.replies.append(effect)
                case WakeAt():
                    self.timers[effect.name] = effect.at_s
                case Authenticated():
                    self.authenticated = True
                case Send():
                    connection = self.connection
                    if connection is not None:
                        self.server.pending.append(
                            lambda c=connection, d=effect.data: None if c.closed else c.receive(d)
                        )
                case Disconnected():
                    self.failure = effect.failure
        if self.failure is not None and self.connection is not None:
            restart = self.auto_restart and self.failure.kind.value == "restart"
            self.close()
            if restart:
                self.server.pending.append(self.open)


def linked(server: Server, phone: str, device: int = 1, settings: SessionSettings | None = None) -> Client:
    """A client that a phone scanned, logged in."""
    client = Client(server, int(phone) * 10 + device, settings or SessionSettings())
    client.open()
    server.scan(phone, client.told("qr")[0]["text"], account_key(phone), device)
    server.run()
    assert client.authenticated and client.session.online, client.failure
    return client


def account_key(phone: str) -> KeyPair:
    """What the phone of this account vouches with for its companions."""
    return KeyPair.generate(random.Random(int(phone)).randbytes)
