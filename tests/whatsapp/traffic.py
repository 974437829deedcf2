"""Simulated traffic: accounts with phones and companions on the simulated WhatsApp, on a clock of its own.

Everything random follows from the seed, so that a run can be replayed. Clients are sessions over stored rows; their
processes die at random moments, also between a commit and what comes after it. The server starts again at random
moments from what it saved. Bytes of a connection keep their order and take a while.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from core.effects import Change
from simulator.whatsapp.knobs import Faults
from simulator.whatsapp.outputs import Hangup, Save, Write
from simulator.whatsapp.server import Server
from simulator.whatsapp.settings import ServerSettings
from tests.whatsapp.traffic_client import Client
from whatsapp.session_settings import SessionSettings

START_S = 1_800_000_000.0
FIRST_NUMBER = 6281200001
GROUP_SIZES = (3, 6, 10)


@dataclass
class Plan:
    """Mean seconds between two of each; 0 = never. `write_s`, `die_s`, `drop_s`: of one client.

    `phone_s`: of one phone; `server_s`: of the server; `spoil_s`: a message somewhere arrives damaged or twice.
    """

    accounts: int = 20
    write_s: float = 20.0
    phone_s: float = 120.0
    die_s: float = 300.0
    drop_s: float = 300.0
    server_s: float = 360.0
    spoil_s: float = 60.0
    first_upload: int = 812


@dataclass
class Pipe:
    """One connection: when its next bytes may arrive, by direction."""

    client: Client
    to_server_s: float = 0.0
    to_client_s: float = 0.0


@dataclass
class World:
    """`expected`: who must be told which text. `sizes`: of the largest client, in the spaces that fill up to a
    limit and in all others, in bytes at each look.
    """

    seed: int
    plan: Plan = field(default_factory=Plan)
    now_s: float = START_S
    expected: dict[str, Counter[str]] = field(default_factory=dict)
    phone_texts: dict[str, set[str]] = field(default_factory=dict)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self._digest = sha256()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._links = itertools.count(1)
        self._texts = itertools.count(1)
        self._pipes: dict[int, Pipe] = {}
        self._rows: dict[tuple[str, str], bytes] = {}
        self._lives = 0
        self.server: Server | None = None
        self.complaints: list[str] = []
        self._start_server()
        assert self.server is not None
        settings = SessionSettings(root_key=self.server.root_key, first_upload=self.plan.first_upload)
        self.session_settings = replace(settings, query_timeout_s=20.0, ack_timeout_s=25.0)
        numbers = [str(FIRST_NUMBER + place) for place in range(self.plan.accounts)]
        for number in numbers:
            self.server.person(number)
        self.clients = {number: Client(self, number) for number in numbers}
        self.expected = {number: Counter() for number in numbers}
        self.expected_on_phones: dict[str, set[str]] = {number: set() for number in numbers}
        self.phone_texts = {number: set() for number in numbers}
        self.groups = [self._new_group(size) for size in GROUP_SIZES]

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def at(self, when_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (max(when_s, self.now_s), next(self._order), act))

    def after(self, for_s: float, act: Callable[[], None]) -> None:
        self.at(self.now_s + for_s, act)

    def run(self, for_s: float) -> None:
        end_s = self.now_s + for_s
        while self._events and self._events[0][0] <= end_s:
            self.now_s, _, act = heapq.heappop(self._events)
            act()
        self.now_s = end_s

    def every(self, mean_s: float, act: Callable[[], None], until_s: float) -> None:
        """Again and again, at random moments of this mean distance."""
        if mean_s <= 0:
            return

        def again() -> None:
            if self.now_s < until_s:
                act()
                self.after(self.chance.expovariate(1 / mean_s), again)

        self.after(self.chance.expovariate(1 / mean_s), again)

    # ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────

    def live(self, for_s: float) -> None:
        """Link everybody; then traffic and trouble for so long; then quiet, until all is settled."""
        for client in self.clients.values():
            self.after(self.chance.uniform(0, 20), client.connect)
        self.run(60.0)
        assert all(client.session.online for client in self.clients.values()), "everybody is linked"
        until_s = self.now_s + for_s
        for number, client in self.clients.items():
            self.every(self.plan.write_s, lambda n=number: self._write(n), until_s)
            self.every(self.plan.phone_s, lambda n=number: self._phone_writes(n), until_s)
            self.every(self.plan.drop_s, lambda c=client: self._drop(c), until_s)
            self.every(self.plan.die_s, lambda c=client: self._kill(c), until_s)
        self.every(self.plan.server_s, self._restart_server, until_s)
        self.every(self.plan.spoil_s, self._spoil, until_s)
        while self.now_s < until_s:
            self.run(min(30.0, until_s - self.now_s))
            self._look()
        for _ in range(60):
            self.run(30.0)
            self._look()
            if self._settled():
                return

    def _settled(self) -> bool:
        waiting = any(client.outbox for client in self.clients.values())
        return (
            not waiting
            and self.server is not None
            and not any(
                device.waiting for account in self.server.people() for device in account.devices.values()
            )
        )

    def _look(self) -> None:
        clients = self.clients.values()
        growing, steady = (max(one.size_bytes(kind) for one in clients) for kind in (True, False))
        self.sizes.append((growing, steady))
        if self.server is not None:
            for number, texts in self.phone_texts.items():
                inbox = self.server.person(number).inbox()
                texts.update(entry["text"] for entry in inbox if entry.get("text") is not None)

    @property
    def digest(self) -> str:
        """Over everything that was ever stored, in order."""
        return self._digest.hexdigest()

    def note(self, who: str, changes: list[Change]) -> None:
        for change in changes:
            self._digest.update(f"{who} {change.space} {change.key} ".encode() + (change.value or b"-"))

    # ── traffic ──────────────────────────────────────────────────────────────────────────────────────────────────

    def scan(self, number: str, qr_text: str) -> None:
        if self.server is not None:
            self.server.person(number).scan(qr_text)
            self._flush()

    def _target(self, number: str) -> tuple[str, list[str]]:
        """Where somebody writes to, and who reads it there."""
        mine = [(jid, members) for jid, members in self.groups if number in members]
        if mine and self.chance.random() < 0.3:
            jid, members = self.chance.choice(mine)
            return jid, [member for member in members if member != number]
        other = self.chance.choice([one for one in self.clients if one != number])
        return other, [other]

    def _write(self, number: str) -> None:
        to, readers = self._target(number)
        text = f"{number}-{next(self._texts)}"
        self.counts["written"] += 1
        for reader in readers:
            self.expected[reader][text] += 1
            self.expected_on_phones[reader].add(text)
        self.expected_on_phones[number].add(text)
        self.clients[number].write(to, text)

    def _phone_writes(self, number: str) -> None:
        if self.server is None:
            return
        to, readers = self._target(number)
        text = f"{number}-phone-{next(self._texts)}"
        self.counts["written on phones"] += 1
        for reader in (*readers, number):
            self.expected[reader][text] += 1
        for reader in readers:
            self.expected_on_phones[reader].add(text)
        self.server.person(number).send_text(to, text)
        self._flush()

    def _new_group(self, size: int) -> tuple[str, list[str]]:
        assert self.server is not None
        members = self.chance.sample(list(self.clients), min(size, len(self.clients)))
        creator, *others = [self.server.person(number).account for number in members]
        group = self.server.parts.groups.create(
            creator, f"Group of {size}", others, by_lid=self.chance.random() < 0.7
        )
        self.server.tick()
        self._flush()
        return str(group.jid), members

    # ── trouble ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _drop(self, client: Client) -> None:
        if client.link is not None:
            self.counts["connections dropped"] += 1
            self.hang_up(client.link)
            client.lost(client.link)

    def _kill(self, client: Client) -> None:
        self.counts["processes killed"] += 1
        if self.chance.random() < 0.5:
            client.die()
        else:
            client.dies_in = self.chance.randrange(1, 4)

    def _spoil(self) -> None:
        if self.server is not None:
            self.counts["messages spoiled"] += 1
            number = self.chance.choice(list(self.clients))
            fault = Faults(corrupt=1) if self.chance.random() < 0.5 else Faults(doubled=1)
            self.server.parts.knobs.by_device[f"{number}:1"] = fault

    def _restart_server(self) -> None:
        if self.server is None:
            return
        self.counts["servers restarted"] += 1
        self.complaints += self.server.core.observed.complaints
        self.server = None
        for link, pipe in list(self._pipes.items()):
            del self._pipes[link]
            pipe.client.lost(link)
        self.after(self.chance.uniform(0.5, 10.0), self._start_server)

    def _start_server(self) -> None:
        self._lives += 1
        rng = random.Random(f"{self.seed} server {self._lives}").randbytes
        rows = [(space, key, value) for (space, key), value in self._rows.items()]
        self.server = Server(ServerSettings(), rng, lambda: self.now_s, rows)
        self._flush()

    # ── the network ──────────────────────────────────────────────────────────────────────────────────────────────

    def dial(self, client: Client) -> int | None:
        """The number of a new connection; None while the server is down."""
        if self.server is None:
            return None
        link = next(self._links)
        self._pipes[link] = Pipe(client)
        self.server.opened(link)
        self._flush()
        return link

    def hang_up(self, link: int) -> None:
        """The client's end: what it sent before still arrives."""
        pipe = self._pipes.get(link)
        if pipe is not None:
            pipe.to_server_s = max(pipe.to_server_s, self.now_s + self._latency_s())
            self.at(pipe.to_server_s, lambda: self._gone(link))

    def _gone(self, link: int) -> None:
        if self._pipes.pop(link, None) is not None and self.server is not None:
            self.server.closed(link)
            self._flush()

    def to_server(self, link: int, data: bytes) -> None:
        pipe = self._pipes.get(link)
        if pipe is not None:
            pipe.to_server_s = max(pipe.to_server_s, self.now_s + self._latency_s())
            self.at(pipe.to_server_s, lambda: self._at_server(link, data))

    def _at_server(self, link: int, data: bytes) -> None:
        if link in self._pipes and self.server is not None:
            self.server.received(link, data)
            self._flush()

    def _flush(self) -> None:
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
            self.at(due_s, lambda server=self.server: self._tick(server))

    def _tick(self, server: Server) -> None:
        if server is self.server and server.next_at_s is not None and server.next_at_s <= self.now_s:
            server.tick()
            self._flush()

    def _to_client(self, link: int, act: Callable[[], None]) -> None:
        pipe = self._pipes[link]
        pipe.to_client_s = max(pipe.to_client_s, self.now_s + self._latency_s())
        self.at(pipe.to_client_s, act)

    def _at_client(self, link: int, data: bytes) -> None:
        pipe = self._pipes.get(link)
        if pipe is not None and pipe.client.link == link:
            pipe.client.turn(lambda: pipe.client.session.on_message(data, self.now_s))

    def _hung_up(self, link: int) -> None:
        pipe = self._pipes.get(link)
        if pipe is not None:
            pipe.client.lost(link)
            self._gone(link)

    def _latency_s(self) -> float:
        return self.chance.uniform(0.02, 0.3)
