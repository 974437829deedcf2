"""The session over each store: a process may die after any commit, and nothing is lost, doubled or broken."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whatsapp.scripted_client import linked
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.stored import Died, Durable, InMemory, InSessionFile, Mortal
from tests.whatsapp.talking import ANNA, BUDI, GROUP, content
from whatsapp.jid import Jid
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node
from whatsapp.state import MemoryState

TO_ANNA = ["satu", "dua", "tiga"]
TO_BUDI = ["one", "two", "three"]


@pytest.fixture(params=["memory", "sqlite"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Durable]:
    if request.param == "memory":
        yield InMemory()
        return
    made = InSessionFile(tmp_path / "session.db")
    yield made
    made.close()


class Life:
    """Anna is linked, writes three messages and gets three, one of each in a group; she may die on the way.

    What she has not answered comes again, as from the real server, and what she has not been told to be sent is
    sent again, as by an instance's outbox.
    """

    def __init__(self, durable: Durable, dies_at: int | None) -> None:
        self.server = Server()
        self.budi = linked(self.server, BUDI)
        self.anna = Mortal(self.server, 5, durable=durable, dies_at=dies_at)
        self.durable = durable
        self.deaths = 0
        self._phone = KeyPair.generate(random.Random(9).randbytes)
        self._scans = 0
        self._given: list[tuple[Jid, Node]] = []
        self.server.spoil = self._note

    def _note(self, to: Jid, node: Node) -> Node:
        self._given.append((to, node))
        return node

    def run(self) -> None:
        self._until(lambda: self.anna.session.online, self._link)
        self.server.groups[GROUP] = Group(GROUP, [ANNA, BUDI])
        for number, text in enumerate(TO_BUDI):
            to = str(GROUP) if number == 1 else BUDI
            self._until(
                lambda n=number: self._sent(f"m{n}"), lambda n=number, t=text, o=to: self._send(n, o, t)
            )
        for number, text in enumerate(TO_ANNA):
            to = str(GROUP) if number == 1 else ANNA
            self._mortal(lambda n=number, t=text, o=to: self.budi.send(f"b{n}", content(o, t)))
        self._until(lambda: self.anna.session.online, self._open)

    def _link(self) -> None:
        self._open()
        if not self.anna.session.online:
            self._scans += 1
            self.server.scan(ANNA, self.anna.told("qr")[-1]["text"], self._phone, self._scans)
            self.server.run()

    def _open(self) -> None:
        if self.anna.connection is None or self.anna.failure is not None:
            self.anna.open()

    def _sent(self, ref: str) -> bool:
        return any(reply.ref == ref and reply.error is None for reply in self.anna.replies)

    def _send(self, number: int, to: str, text: str) -> None:
        self._open()
        self.anna.send(f"m{number}", content(to, text))

    def _until(self, done, act) -> None:
        for _ in range(10):
            if done():
                return
            self._mortal(act)
        assert done(), (self.anna.failure, self.anna.replies[-3:], self.anna.events[-5:])

    def _mortal(self, act) -> None:
        try:
            act()
            self.server.run()
        except Died:
            self.deaths += 1
            device = self.anna.connection.device if self.anna.connection is not None else None
            self.anna.crash()
            if device is not None:
                self._give_again(device.jid)
            self.server.run()

    def _give_again(self, jid: Jid) -> None:
        answered = {node.optional("id") for who, node in self.server.heard if who == jid and node.tag != "iq"}
        device = self.server.devices[jid]
        waiting = {node.optional("id") for node in device.queue}
        for to, node in self._given:
            if to == jid and node.optional("id") not in answered | waiting:
                device.queue.append(node)


def texts_of(events: list[tuple[str, dict]]) -> list[str]:
    return [data["content"]["text"] for kind, data in events if kind == "message.received"]


def commits_of_a_life() -> int:
    life = Life(InMemory(), None)
    life.run()
    return life.anna.commits


@pytest.mark.parametrize("dies_at", range(1, commits_of_a_life() + 1))
def test_a_process_that_dies_after_any_commit_loses_and_doubles_nothing(durable, dies_at):
    life = Life(durable, dies_at)
    life.run()
    assert life.deaths == 1
    assert sorted(life.budi.texts()) == sorted(TO_BUDI)
    events = durable.events()
    assert sorted(texts_of(events)) == sorted(TO_ANNA)
    assert not [kind for kind, _ in events if kind in ("message.undecryptable", "stanza.refused")]


def test_what_a_process_reads_back_is_what_the_last_one_worked_with(durable):
    life = Life(durable, None)
    life.run()
    working = sorted(life.anna.session._core.state.rows())
    assert sorted(durable.rows()) == working
    assert sorted(MemoryState.load(durable.rows()).rows()) == working


def test_a_login_that_is_gone_leaves_nothing_behind(durable):
    life = Life(durable, None)
    life.run()
    life.anna.invoke("logout")
    assert list(durable.rows()) == []
    assert durable.events()[-1][0] == "session.logged_out"
