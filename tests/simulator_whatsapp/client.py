"""One session against the simulated server, without sockets: what it does, and what it tells."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from core.effects import Authenticated, Disconnected, Emit, Persist, ProtocolEffect, Reply, Send, WakeAt
from core.failures import Failure, FailureKind
from core.protocol import Invoke, SendContent
from whatsapp.session import Session
from whatsapp.session_settings import SessionSettings
from whatsapp.state import MemoryState

if TYPE_CHECKING:
    from tests.simulator_whatsapp.driving import World


@dataclass
class Client:
    """One session and its connection; RESTART is followed at once, everything else ends the connection."""

    world: World
    settings: SessionSettings
    state: MemoryState = field(default_factory=MemoryState)
    events: list[Emit] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    failure: Failure | None = None
    failures: list[Failure] = field(default_factory=list)
    link: int | None = None
    authenticated: bool = False
    closed: bool = False
    _count: int = 0

    def __post_init__(self) -> None:
        self.settings = replace(self.settings, root_key=self.world.server.root_key)
        self.session = Session(self.settings, self.state, self.world.rng, lambda: self.world.now_s)

    # ── the connection ───────────────────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Dial, and everything that comes of it."""
        self._dial()
        self.world.run()

    def close(self) -> None:
        """The network goes."""
        if self.link is not None:
            self.world.clients.pop(self.link, None)
            self.world.server.closed(self.link)
        self.lost()
        self.world.run()

    def _dial(self) -> None:
        self.failure, self.closed, self.authenticated = None, False, False
        self.link = self.world.connect(self)
        self._act(self.session.on_open(self.world.now_s))

    def lost(self) -> None:
        """The connection is gone, on the server's side, too."""
        self.link = None
        self.closed = True
        self.timers.clear()
        self._act(self.session.on_closed(1006, "gone"))

    def hung_up(self) -> None:
        """The server ended the connection."""
        restart = self.failure is not None and self.failure.kind is FailureKind.RESTART
        self.lost()
        if restart:
            self._dial()

    def redial(self) -> bool:
        """A session that gave its connection up: the connection goes."""
        if self.failure is None or self.link is None:
            return False
        link, self.link = self.link, None
        self.world.clients.pop(link, None)
        self.world.server.closed(link)
        self.hung_up()
        return True

    def receive(self, data: bytes) -> None:
        self._act(self.session.on_message(data, self.world.now_s))

    def fire(self) -> None:
        for name in [name for name, at_s in self.timers.items() if at_s <= self.world.now_s]:
            del self.timers[name]
            self._act(self.session.on_timer(name, self.world.now_s))

    def _act(self, effects: list[ProtocolEffect]) -> None:
        for effect in effects:
            match effect:
                case Emit():
                    self.events.append(effect)
                case Reply():
                    self.replies.append(effect)
                case WakeAt():
                    self.timers[effect.name] = effect.at_s
                case Send() if self.link is not None:
                    self.world.server.received(self.link, effect.data)
                case Disconnected():
                    self.failure = effect.failure
                    self.failures.append(effect.failure)
                case Authenticated():
                    self.authenticated = True
                case Persist() | Send():
                    pass

    # ── what it does and tells ───────────────────────────────────────────────────────────────────────────────────

    def ask(self, to: str, text: str) -> str:
        """Begin to send a text; the command's ref."""
        self._count += 1
        ref = f"send-{self._count}"
        content = json.dumps({"to": to, "text": text}).encode()
        self._act(self.session.on_command(SendContent(ref, content), self.world.now_s))
        self.world.run()
        return ref

    def reply(self, ref: str) -> Reply | None:
        return next((one for one in self.replies if one.ref == ref), None)

    def send(self, to: str, text: str) -> str:
        """Send a text; its id when the server accepted it."""
        reply = self.reply(self.ask(to, text))
        assert reply is not None and reply.error is None, reply
        sent: str = reply.data["id"]
        return sent

    def invoke(self, name: str, **arguments: Any) -> Reply:
        self._count += 1
        ref = f"{name}-{self._count}"
        self._act(self.session.on_command(Invoke(ref, name, arguments), self.world.now_s))
        self.world.run()
        reply = self.reply(ref)
        assert reply is not None
        return reply

    def told(self, kind: str) -> list[dict[str, Any]]:
        return [dict(event.data) for event in self.events if event.kind == kind]

    def texts(self) -> list[str]:
        """Of what others wrote."""
        return [
            one["content"]["text"]
            for one in self.told("message.received")
            if one["type"] == "text" and not one["from_me"]
        ]

    def copies(self) -> list[str]:
        """Of what its own account's other devices wrote."""
        return [one["content"]["text"] for one in self.told("message.received") if one["from_me"]]

    def qr(self) -> str:
        text: str = self.told("qr")[-1]["text"]
        return text
