"""Simulated traffic: accounts with phones and companions on the simulated WhatsApp, on a clock of its own.

Everything random follows from the seed, so that a run can be replayed. Clients are sessions over stored rows; their
processes die at random moments, also between a commit and what comes after it. The server starts again at random
moments from what it saved. Members join and leave groups, and further companions are linked, in the midst of it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from hashlib import sha256

from core.effects import Change
from simulator.whatsapp.knobs import DAMAGES, Faults
from simulator.whatsapp.linking import CannotLink
from simulator.whatsapp.people import Person
from tests.whatsapp.traffic_books import Books
from tests.whatsapp.traffic_client import Client
from tests.whatsapp.traffic_clock import Clock
from tests.whatsapp.traffic_network import Network
from whatsapp.session_settings import SessionSettings

FIRST_NUMBER = 6281200001
GROUP_SIZES = (3, 6, 10)


@dataclass
class Plan:
    """Mean seconds between two of each; 0 = never. `write_s`, `die_s`, `drop_s`: of one client.

    `phone_s`: of one phone; `server_s`: of the server; `spoil_s`: a message somewhere arrives damaged or twice;
    `member_s`: somebody joins or leaves a group; `link_s`: an account gets a further companion, in the first third.
    """

    accounts: int = 20
    write_s: float = 20.0
    phone_s: float = 120.0
    die_s: float = 300.0
    drop_s: float = 300.0
    server_s: float = 240.0
    spoil_s: float = 60.0
    member_s: float = 45.0
    link_s: float = 120.0
    first_upload: int = 812


@dataclass
class Chat:
    """A group as people know it; the first member made it and stays."""

    jid: str
    members: list[str]


@dataclass
class World:
    """`sizes`: of the largest client at each look, in bytes: in the spaces that fill up to a limit, in all others."""

    seed: int
    plan: Plan = field(default_factory=Plan)
    sizes: list[tuple[int, int]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.clock = Clock(self.seed)
        self.chance = self.clock.chance
        self.network = Network(self.clock, self.seed)
        self._digest = sha256()
        assert self.network.server is not None
        settings = SessionSettings(root_key=self.network.server.root_key, first_upload=self.plan.first_upload)
        self.session_settings = replace(settings, query_timeout_s=20.0, ack_timeout_s=25.0)
        self.numbers = [str(FIRST_NUMBER + place) for place in range(self.plan.accounts)]
        self.books = Books(self.numbers)
        self.clients: list[Client] = []
        for number in self.numbers:
            self.person(number)
            self._add_client(number, number)
        self.groups = [self._new_group(size) for size in GROUP_SIZES]
        self._companions = itertools.count(2)

    def person(self, number: str) -> Person:
        """Somebody with a phone; only while the server is up."""
        assert self.network.server is not None
        return self.network.server.person(number)

    def _add_client(self, name: str, number: str) -> Client:
        client = Client(self, name, number)
        self.clients.append(client)
        return client

    # ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────

    def live(self, for_s: float) -> None:
        """Link everybody; then traffic and trouble for so long; then quiet, until all is settled."""
        for client in self.clients:
            self.clock.after(self.chance.uniform(0, 20), client.connect)
        self.clock.run(60.0)
        assert all(client.session.online for client in self.clients), "everybody is linked"
        until_s = self.clock.now_s + for_s
        for client in self.clients:
            self._begin_traffic(client, until_s)
        for number in self.numbers:
            self.clock.every(self.plan.phone_s, lambda n=number: self._phone_writes(n), until_s)
        self.clock.every(self.plan.server_s, self._restart_server, until_s)
        self.clock.every(self.plan.spoil_s, self._spoil, until_s)
        self.clock.every(self.plan.member_s, self._change_members, until_s)
        last_link_s = until_s - 0.7 * for_s  # so that what is stored can be seen to stop growing
        self.clock.every(self.plan.link_s, lambda: self._link_another(until_s), last_link_s)
        while self.clock.now_s < until_s:
            self.clock.run(min(30.0, until_s - self.clock.now_s))
            self._look()
        for _ in range(60):
            self.clock.run(30.0)
            self._look()
            if self._settled():
                return

    def _begin_traffic(self, client: Client, until_s: float) -> None:
        self.clock.every(self.plan.write_s, lambda: self._write(client), until_s)
        self.clock.every(self.plan.drop_s, lambda: self._drop(client), until_s)
        self.clock.every(self.plan.die_s, lambda: self._kill(client), until_s)

    def _settled(self) -> bool:
        server = self.network.server
        return (
            server is not None
            and not any(client.outbox for client in self.clients)
            and not any(device.waiting for one in server.people() for device in one.devices.values())
        )

    def _look(self) -> None:
        growing, steady = (max(one.size_bytes(kind) for one in self.clients) for kind in (True, False))
        self.sizes.append((growing, steady))
        for number in self.numbers if self.network.server is not None else ():
            self._read_phone(number)

    def _read_phone(self, number: str) -> None:
        texts = [entry["text"] for entry in self.person(number).inbox() if entry.get("text") is not None]
        self.books.read_on_phone(number, texts)

    @property
    def digest(self) -> str:
        """Over everything that was ever stored, in order."""
        return self._digest.hexdigest()

    def note(self, who: str, changes: list[Change]) -> None:
        for change in changes:
            self._digest.update(f"{who} {change.space} {change.key} ".encode() + (change.value or b"-"))

    # ── traffic ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _target(self, number: str) -> tuple[str, list[str]]:
        """Where somebody writes to, and who reads it there."""
        mine = [chat for chat in self.groups if number in chat.members]
        if mine and self.chance.random() < 0.3:
            chat = self.chance.choice(mine)
            return chat.jid, [member for member in chat.members if member != number]
        other = self.chance.choice([one for one in self.numbers if one != number])
        return other, [other]

    def _write(self, client: Client) -> None:
        to, readers = self._target(client.number)
        self.counts["written"] += 1
        client.write(to, self.books.written(client.number, client.name, to, readers))

    def _phone_writes(self, number: str) -> None:
        if self.network.server is not None:
            to, readers = self._target(number)
            self.counts["written on phones"] += 1
            self.person(number).send_text(to, self.books.written(number, None, to, readers))
            self.network.flush()

    def _new_group(self, size: int) -> Chat:
        members = self.chance.sample(self.numbers, min(size, len(self.numbers)))
        by_lid = self.chance.random() < 0.7
        jid = self.person(members[0]).create_group(f"Group of {size}", members[1:], by_lid)
        self.network.flush()
        return Chat(jid, members)

    def _change_members(self) -> None:
        """Somebody joins or leaves, at a moment when it is plain who must read what was written there."""
        chat = self.chance.choice(self.groups)
        joins = len(chat.members) <= 2 or self.chance.random() < 0.5
        others = [one for one in self.numbers if one not in chat.members] if joins else chat.members[1:]
        busy = any(client.writes_to(chat.jid) for client in self.clients)
        if self.network.server is None or not others or busy or self._unread(chat):
            self.clock.after(1.0, self._change_members)
            return
        who = self.chance.choice(others)
        self.person(chat.members[0]).change_group(chat.jid, "add" if joins else "remove", [who])
        self.network.flush()
        chat.members.append(who) if joins else chat.members.remove(who)
        self.counts["memberships changed"] += 1

    def _unread(self, chat: Chat) -> bool:
        for number in chat.members:
            self._read_phone(number)
        return any(self.books.unread(number) for number in chat.members)

    # ── further companions ───────────────────────────────────────────────────────────────────────────────────────

    def _link_another(self, until_s: float) -> None:
        number = self.chance.choice(self.numbers)
        client = self._add_client(f"{number}/{next(self._companions)}", number)
        client.connect()
        self._begin_traffic(client, until_s)
        self.counts["companions linked"] += 1

    def scan(self, client: Client, qr_text: str) -> None:
        """A person scans what a client shows; a connection that was lost meanwhile gets another code."""
        if self.network.server is not None:
            try:
                self.person(client.number).scan(qr_text)
            except CannotLink:
                self.counts["codes too late"] += 1
            self.network.flush()

    # ── trouble ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _drop(self, client: Client) -> None:
        if client.link is not None:
            self.counts["connections dropped"] += 1
            self.network.hang_up(client.link)
            client.lost(client.link)

    def _kill(self, client: Client) -> None:
        self.counts["processes killed"] += 1
        if self.chance.random() < 0.5:
            client.die()
        else:
            client.dies_in = self.chance.randrange(1, 4)

    def _spoil(self) -> None:
        if self.network.server is not None:
            self.counts["messages spoiled"] += 1
            number = self.chance.choice(self.numbers)
            damage = self.chance.choice(list(DAMAGES))
            fault = Faults(corrupt=1, damage=damage) if self.chance.random() < 0.5 else Faults(doubled=1)
            self.network.server.parts.knobs.by_device[f"{number}:1"] = fault

    def _restart_server(self) -> None:
        if self.network.server is not None:
            self.counts["servers restarted"] += 1
            self.network.stop_server()
            self.clock.after(self.chance.uniform(0.5, 10.0), self.network.start_server)
