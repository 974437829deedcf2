"""Sessions on real sockets, all in the test's own thread: whoever waits reads for everybody."""

import itertools
import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from core.effects import Disconnected, Emit, ProtocolEffect, Reply, Send, WakeAt
from core.failures import Failure, FailureKind
from core.protocol import SendContent
from simulator.whatsapp.client import WhatsApp
from whatsapp.session import Session
from whatsapp.session_settings import SessionSettings
from whatsapp.state import MemoryState

DEADLINE_S = 20.0
LOOK_S = 0.005


class Dialler:
    """One session. After RESTART it dials again by itself."""

    def __init__(self, whatsapp: WhatsApp) -> None:
        self.settings = SessionSettings(url=whatsapp.url, root_key=whatsapp.root_key, first_upload=20)
        self.session = Session(self.settings, MemoryState(), os.urandom, time.time)
        self.events: list[Emit] = []
        self.replies: list[Reply] = []
        self.failure: Failure | None = None
        self.timers: dict[str, float] = {}
        self.socket: ClientConnection | None = None
        self.status: int | None = None
        self._sockets = ExitStack()
        self._refs = itertools.count(1)

    def dial(self) -> "Dialler":
        self.failure, self.status = None, None
        try:
            self.socket = self._sockets.enter_context(
                connect(self.session.endpoint().url, compression=None, ping_interval=None, proxy=None)
            )
        except InvalidStatus as error:
            self.status = error.response.status_code
            return self
        self._act(self.session.on_open(time.monotonic()))
        return self

    def close(self) -> None:
        if self.socket is not None:
            self._lost()

    def ask(self, to: str, text: str) -> str:
        """Begin to send; the command's ref."""
        ref = f"send-{next(self._refs)}"
        content = json.dumps({"to": to, "text": text}).encode()
        self._act(self.session.on_command(SendContent(ref, content), time.monotonic()))
        return ref

    def answered(self, ref: str) -> Reply | None:
        return next((one for one in self.replies if one.ref == ref), None)

    def told(self, kind: str) -> list[Any]:
        return [event.data for event in self.events if event.kind == kind]

    def texts(self) -> list[str]:
        return [one["content"]["text"] for one in self.told("message.received") if not one["from_me"]]

    def read(self) -> None:
        """What is there to read, and what is due."""
        if self.socket is not None:
            try:
                self._act(self.session.on_message(self.socket.recv(timeout=LOOK_S), time.monotonic()))
            except TimeoutError:
                pass
            except ConnectionClosed:
                self._lost()
        now_s = time.monotonic()
        for name in [name for name, at_s in self.timers.items() if at_s <= now_s]:
            del self.timers[name]
            self._act(self.session.on_timer(name, now_s))

    def _lost(self) -> None:
        self.socket = None
        self._sockets.close()
        self.timers.clear()
        self._act(self.session.on_closed(1006, ""))
        if self.failure is not None and self.failure.kind is FailureKind.RESTART:
            self.dial()

    def _act(self, effects: list[ProtocolEffect]) -> None:
        for effect in effects:
            match effect:
                case Emit():
                    self.events.append(effect)
                case Reply():
                    self.replies.append(effect)
                case WakeAt():
                    self.timers[effect.name] = effect.at_s
                case Disconnected():
                    self.failure = effect.failure
                case Send() if self.socket is not None:
                    with suppress(ConnectionClosed):  # reading notices, too
                        self.socket.send(effect.data)
                case _:
                    pass


def until(what: Callable[[], object], *diallers: Dialler) -> None:
    """Read for all of them until something holds; AssertionError when it does not in time."""
    end_s = time.monotonic() + DEADLINE_S
    while not what():
        for dialler in diallers:
            dialler.read()
        assert time.monotonic() < end_s, [(one.failure, one.events[-5:]) for one in diallers]


def linked(whatsapp: WhatsApp, number: str) -> Dialler:
    """A session that the number's phone scanned, logged in, with its keys published."""
    dialler = Dialler(whatsapp).dial()
    until(lambda: dialler.told("qr"), dialler)
    phone = whatsapp.phone(number)
    device = phone.scan(dialler.told("qr")[-1]["text"])

    def ready() -> bool:
        view = phone.device(device)
        return dialler.session.online and view is not None and view["one_time_keys"] == 20

    until(ready, dialler)
    return dialler


def sent(dialler: Dialler, to: str, text: str, *others: Dialler) -> str:
    """Send a text; its id."""
    ref = dialler.ask(to, text)
    until(lambda: dialler.answered(ref), dialler, *others)
    reply = dialler.answered(ref)
    assert reply is not None and reply.error is None, reply
    message_id: str = reply.data["id"]
    return message_id
