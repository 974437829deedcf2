"""An instance's runtime drives a WhatsApp session as it drives the plain protocol."""

import json
import random
from dataclasses import dataclass

import pytest
from runtime_bench import Bench, bench

from actors.ports import Answer
from actors.transport import Closed, Lost, Opened, Received
from core import link_events as events
from core.failures import Failure, FailureKind
from core.link_state import LinkState
from core.messages import CommandReply
from core.outbox import accept
from simulator.whatsapp.outputs import Hangup, Write
from simulator.whatsapp.server import Server
from simulator.whatsapp.settings import ServerSettings
from whatsapp.session import Session
from whatsapp.session_settings import SessionSettings
from whatsapp.state import MemoryState

WALL_S = 1_800_000_000.0
BUDI, SITI = "6281234567801", "6281234567802"


@dataclass
class Instance:
    """One bench, and how far the world around it has looked at what it did."""

    number: str
    bench: Bench
    granted: int = 0
    dialled: int = 0
    sent: int = 0
    closed: int = 0
    link: int | None = None

    def told(self, kind: str) -> list[dict[str, object]]:
        return [json.loads(one.data) for one in self.bench.store.events if one.kind == kind]


class House:
    """Instances on one simulated WhatsApp; bytes arrive at once."""

    def __init__(self) -> None:
        rng = random.Random(1).randbytes
        self.server = Server(ServerSettings(), rng, lambda: WALL_S)
        self.instances: list[Instance] = []
        self.links = 0

    def add(self, number: str) -> Instance:
        settings = SessionSettings(root_key=self.server.root_key, first_upload=20)
        rng = random.Random(number).randbytes
        one = Instance(number, bench(protocol=Session(settings, MemoryState(), rng, lambda: WALL_S)))
        self.instances.append(one)
        one.bench.runtime.link_event(events.Want())
        self.run()
        (shown,) = one.told("qr")
        self.server.person(number, f"name of {number}").scan(str(shown["text"]))
        self.run()
        return one

    def send(self, one: Instance, message_id: str, text: str, to: str) -> None:
        runtime, content = one.bench.runtime, json.dumps({"to": to, "text": text}).encode()
        message = accept(message_id, content, runtime.settings.outbox, one.bench.world.wall_s())
        runtime.submit(message, Answer(None, CommandReply(message_id, True)))
        self.run()

    def run(self) -> None:
        """Until nothing is on its way."""
        for _ in range(1000):
            stepped = [self._step(one) for one in self.instances]
            if not self._deliver() and not any(stepped):
                return
        raise AssertionError("the instances never come to rest")

    def _step(self, one: Instance) -> bool:
        """What the runtime wants of the world: bytes sent, the connection closed, a permit, a connection."""
        b = one.bench
        before = (one.sent, one.closed, one.granted, one.dialled)
        for data in b.wire.sent[one.sent :]:
            one.sent += 1
            if one.link is not None:
                self.server.received(one.link, data)
        if b.wire.closes > one.closed:
            one.closed = b.wire.closes
            self._end(one, Closed(b.wire.dials[-1], 1000, ""))
        for epoch, _ in b.world.permits[one.granted :]:
            one.granted += 1
            b.runtime.link_event(events.Granted(epoch))
        for epoch in b.wire.dials[one.dialled :]:
            self.links += 1
            one.dialled, one.link = one.dialled + 1, self.links
            self.server.opened(self.links)
            self._give(one, Opened(epoch, None))
        return (one.sent, one.closed, one.granted, one.dialled) != before

    def _deliver(self) -> bool:
        outputs = self.server.drain()
        for output in outputs:
            one = next((one for one in self.instances if getattr(output, "link", None) == one.link), None)
            if one is not None and isinstance(output, Write):
                self._give(one, Received(one.bench.wire.dials[-1], output.data))
            elif one is not None and isinstance(output, Hangup):
                failure = Failure(FailureKind.NETWORK, "the connection was lost")
                self._end(one, Lost(one.bench.wire.dials[-1], failure, None, ""))
        return bool(outputs)

    def _end(self, one: Instance, event: Closed | Lost) -> None:
        """Once for each connection, whoever ended it."""
        link, one.link = one.link, None
        if link is not None:
            self.server.closed(link)
            self._give(one, event)

    def _give(self, one: Instance, event: Opened | Received | Closed | Lost) -> None:
        one.bench.wire.queue.append(event)
        one.bench.runtime.drain()


@pytest.fixture
def house() -> House:
    return House()


def test_a_scanned_instance_restarts_its_connection_and_opens(house: House) -> None:
    one = house.add(BUDI)
    assert one.bench.runtime.link.state is LinkState.OPEN
    assert one.dialled == 2, "the restart after the scan is no failure, and dials once"
    assert one.bench.runtime.link.attempts == 0
    assert [event["jid"] for event in one.told("session.linked")] == [f"{BUDI}:1@s.whatsapp.net"]


def test_messages_go_from_outbox_to_journal_events(house: House) -> None:
    one, other = house.add(BUDI), house.add(SITI)
    house.send(one, "m1", "halo", SITI)
    house.send(other, "m1", "hai", BUDI)
    house.send(one, "m2", "apa kabar", SITI)
    texts = [[event["content"] for event in each.told("message.received")] for each in (one, other)]
    assert texts == [[{"text": "hai"}], [{"text": "halo"}, {"text": "apa kabar"}]]
    assert [event["id"] for event in one.told("message.sent")] == ["m1", "m2"]
    assert [status for event in one.told("message.receipt") for status in [event["status"]]]


def test_a_message_waits_in_the_outbox_while_the_session_is_not_open(house: House) -> None:
    one, other = house.add(BUDI), house.add(SITI)
    one.bench.runtime.link_event(events.Unwant())
    house.run()
    house.send(one, "m1", "nanti", SITI)
    assert other.told("message.received") == []
    one.bench.runtime.link_event(events.Want())
    house.run()
    assert [event["content"] for event in other.told("message.received")] == [{"text": "nanti"}]


def test_an_instance_that_the_phone_removes_is_parked_and_says_so(house: House) -> None:
    one = house.add(BUDI)
    house.server.person(BUDI).unlink(1)
    house.run()
    link = one.bench.runtime.link
    assert link.state is LinkState.PARKED and link.failure is not None
    assert link.failure.kind is FailureKind.LOGGED_OUT
    assert one.told("session.logged_out")
