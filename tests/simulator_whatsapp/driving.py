"""`whatsapp.session.Session`s against `simulator.whatsapp.server.Server`, without sockets, on one simulated clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.whatsapp.outputs import Hangup, Save, Write
from simulator.whatsapp.people import Person
from simulator.whatsapp.server import Server
from simulator.whatsapp.settings import ServerSettings
from tests.simulator_whatsapp.client import Client
from whatsapp.session_settings import SessionSettings

START_S = 1_800_000_000.0
BUDI, SITI, AGUS = "6281234567801", "6281234567802", "6281234567803"


@dataclass
class World:
    """A server, its clients and the time. `saved`: what a restarted server would find."""

    seed: int = 1
    settings: ServerSettings = field(default_factory=ServerSettings)
    now_s: float = START_S
    clients: dict[int, Client] = field(default_factory=dict)
    saved: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _links: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed).randbytes
        self._boot()

    def _boot(self) -> None:
        rows = [(space, key, value) for (space, key), value in self.saved.items()]
        self.server = Server(self.settings, self.rng, lambda: self.now_s, rows)

    def restart_server(self) -> None:
        """The server's process ends and comes back with what it saved; every connection is lost."""
        lost = list(self.clients.values())
        self.clients.clear()
        for client in lost:
            client.lost()
        self._boot()

    def connect(self, client: Client) -> int:
        self._links += 1
        self.clients[self._links] = client
        self.server.opened(self._links)
        return self._links

    def run(self) -> None:
        """Until nothing is on its way."""
        for _ in range(100_000):
            outputs = self.server.drain()
            for output in outputs:
                self._perform(output)
            if not outputs and not any(client.redial() for client in list(self.clients.values())):
                return
        raise AssertionError("the stanzas never come to an end")

    def _perform(self, output: Write | Hangup | Save) -> None:
        match output:
            case Write():
                client = self.clients.get(output.link)
                if client is not None:
                    client.receive(output.data)
            case Hangup():
                client = self.clients.pop(output.link, None)
                self.server.closed(output.link)
                if client is not None:
                    client.hung_up()
            case Save(value=None):
                self.saved.pop((output.space, output.key), None)
            case Save(value=bytes() as value):
                self.saved[output.space, output.key] = value

    def pass_time(self, for_s: float) -> None:
        """Timers of clients and server, in their order."""
        until_s = self.now_s + for_s
        while (at_s := self._next_s()) is not None and at_s <= until_s:
            self.now_s = max(self.now_s, at_s)
            self.server.tick()
            for client in list(self.clients.values()):
                client.fire()
            self.run()
        self.now_s = until_s

    def _next_s(self) -> float | None:
        due = [at_s for client in self.clients.values() for at_s in client.timers.values()]
        due += [] if self.server.next_at_s is None else [self.server.next_at_s]
        return min(due, default=None)

    # ── people ───────────────────────────────────────────────────────────────────────────────────────────────────

    def person(self, number: str, name: str = "") -> Person:
        return self.server.person(number, name)

    def act(self, what: Callable[[], Any]) -> Any:
        """Something that people or the operator do, and everything that comes of it."""
        result = what()
        self.run()
        return result

    def linked(self, number: str, **settings: Any) -> Client:
        """A client that the phone of this number scanned, logged in."""
        client = Client(self, replace(SessionSettings(first_upload=20), **settings))
        client.open()
        self.act(lambda: self.person(number, f"name of {number}").scan(client.qr()))
        assert client.session.online, client.failure
        return client
