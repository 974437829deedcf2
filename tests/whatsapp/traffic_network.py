"""What is between the clients and the simulated server, and the server's lives. Bytes keep their order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.whatsapp.outputs import Hangup, Save, Write
from simulator.whatsapp.server import Server
from simulator.whatsapp.settings import ServerSettings
from tests.whatsapp.traffic_clock import Clock

if TYPE_CHECKING:
    from tests.whatsapp.traffic_client import Client


@dataclass
class Pipe:
    """One connection: when its next bytes may arrive, by direction."""

    client: Client
    to_server_s: float = 0.0
    to_client_s: float = 0.0


class Network:
    """`server`: None while it is down. `complaints`: of servers that ended."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self.clock = clock
        self.complaints: list[str] = []
        self.server: Server | None = None
        self._seed = seed
        self._lives = 0
        self._links = itertools.count(1)
        self._pipes: dict[int, Pipe] = {}
        self._rows: dict[tuple[str, str], bytes] = {}
        self.start_server()

    def start_server(self) -> None:
        """From what the one before saved."""
        self._lives += 1
        rng = random.Random(f"{self._seed} server {self._lives}").randbytes
        rows = [(space, key, value) for (space, key), value in self._rows.items()]
        self.server = Server(ServerSettings(), rng, lambda: self.clock.now_s, rows)
        self.flush()

    def stop_server(self) -> None:
        """Its process ends: every connection breaks, what was not saved is gone."""
        if self.server is None:
            return
        self.complaints += self.server.core.observed.complaints
        self.server = None
        for link, pipe in list(self._pipes.items()):
            del self._pipes[link]
            pipe.client.lost(link)

    def dial(self, client: Client) -> int | None:
        """The number of a new connection; None while the server is down."""
        if self.server is None:
            return None
        link = next(self._links)
        self._pipes[link] = Pipe(client)
        self.server.opened(link)
        self.flush()
        return link

    def hang_up(self, link: int) -> None:
        """The client's end: what it sent before still arrives."""
        pipe = self._pipes.get(link)
        if pipe is not None:
            pipe.to_server_s = max(pipe.to_server_s, self.clock.now_s + self._latency_s())
            self.clock.at(pipe.to_server_s, lambda: self._gone(link))

    def _gone(self, link: int) -> None:
        if self._pipes.pop(link, None) is not None and self.server is not None:
            self.server.closed(link)
            self.flush()

    def to_server(self, link: int, data: bytes) -> None:
        pipe = self._pipes.get(link)
        if pipe is not None:
            pipe.to_server_s = max(pipe.to_server_s, self.clock.now_s + self._latency_s())
            self.clock.at(pipe.to_server_s, lambda: self._at_server(link, data))

    def _at_server(self, link: int, data: bytes) -> None:
        if link in self._pipes and self.server is not None:
            self.server.received(link, data)
            self.flush()

    def flush(self) -> None:
        """Do what the server wants: rows first."""
        assert self.server is not None
        for output in self.server.drain():
            match output:
                case Save(space, key, None):
                    self._rows.pop((space, key), None)
                case Save(space, key, value) if value is not None:
                    self._rows[space, key] = value
                case Write(link, data) if link in self._pipes:
                    self._to_client(link, lambda k=link, d=data: self._at_client(k, d))
                case Hangup(link) if link in self._pipes:
                    self._to_client(link, lambda k=link: self._hung_up(k))
        due_s = self.server.next_at_s
        if due_s is not None:
            self.clock.at(due_s, lambda server=self.server: self._tick(server))

    def _tick(self, server: Server) -> None:
        if server is self.server and server.next_at_s is not None and server.next_at_s <= self.clock.now_s:
            server.tick()
            self.flush()

    def _to_client(self, link: int, act: Callable[[], None]) -> None:
        pipe = self._pipes[link]
        pipe.to_client_s = max(pipe.to_client_s, self.clock.now_s + self._latency_s())
        self.clock.at(pipe.to_client_s, act)

    def _at_client(self, link: int, data: bytes) -> None:
        pipe = self._pipes.get(link)
        if pipe is not None and pipe.client.link == link:
            pipe.client.turn(lambda: pipe.client.session.on_message(data, self.clock.now_s))

    def _hung_up(self, link: int) -> None:
        pipe = self._pipes.get(link)
        if pipe is not None:
            pipe.client.lost(link)
            self._gone(link)

    def _latency_s(self) -> float:
        return self.clock.chance.uniform(0.02, 0.3)
