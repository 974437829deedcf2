"""One instance's runtime on a bench: a fake transport, a store that answers late, a clock of its own."""

from dataclasses import dataclass, field
from typing import Any

from actors.runtime import Runtime
from actors.transport import Opened, Received, TransportEvent
from core import link_events as events
from core.config import Settings, TransportSettings
from core.effects import Record
from core.failures import Failure, FailureKind
from core.instances import InstanceConfig, Payload
from core.link_state import Link
from core.messages import CommandReply
from core.outbox import Outbox, accept
from core.plain import PlainProtocol
from core.protocol import Endpoint
from core.records import InstanceRecord, OutboxMessage, StoredEvent
from store.codec import packb, to_json, unpackb
from store.errors import StoreFailed, StoreFault
from store.session import Batch


@dataclass
class World:
    """The ports, with everything that was asked of them."""

    now: float = 1000.0
    wakes: list[tuple[float, str, int]] = field(default_factory=list)
    permits: list[tuple[int, bool]] = field(default_factory=list)
    answers: list[CommandReply] = field(default_factory=list)
    batches: list[tuple[str, tuple[StoredEvent, ...]]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    dials: list[FailureKind | None] = field(default_factory=list)
    reports: int = 0

    def now_s(self) -> float:
        return self.now

    def wall_s(self) -> float:
        return self.now + 1e9

    def random(self) -> float:
        return 0.5

    def wake(self, delay_s: float, name: str, epoch: int) -> None:
        self.wakes.append((self.now + delay_s, name, epoch))

    def carried(self) -> dict[str, Any]:
        return {}

    def report(self) -> None:
        self.reports += 1

    def ask_permit(self, epoch: int, probe: bool) -> None:
        self.permits.append((epoch, probe))

    def report_dial(self, failed: FailureKind | None) -> None:
        self.dials.append(failed)

    def answer(self, reply_to: Any, reply: CommandReply) -> None:
        self.answers.append(reply)

    def to_journal(self, stream: str, events: tuple[StoredEvent, ...]) -> None:
        self.batches.append((stream, events))

    def log(self, record: Record) -> None:
        self.records.append(record)


@dataclass
class Wire:
    """A transport that does what the test says."""

    queue: list[TransportEvent] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    dials: list[int] = field(default_factory=list)
    closes: int = 0
    reading: bool = True
    broken: bool = False
    last_frame_s: float | None = None
    settings: TransportSettings | None = None

    def dial(self, endpoint: Endpoint, epoch: int) -> None:
        self.dials.append(epoch)

    def retune(self, settings: TransportSettings) -> None:
        self.settings = settings

    def fds(self) -> list[int]:
        return []

    def poll(self) -> list[TransportEvent]:
        events, self.queue = self.queue, []
        return events

    def pending(self) -> bool:
        return False

    def deadline_s(self) -> float | None:
        return None

    def send(self, data: bytes, text: bool) -> Failure | None:
        if self.broken:
            return Failure(FailureKind.NETWORK, "broken")
        self.sent.append(data)
        return None

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closes += 1

    def stop_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


@dataclass
class LateStore:
    """Takes batches and keeps them until `late` says durable; fails while `failing`."""

    at_once: bool = True
    failing: bool = False
    unreadable: bool = False
    taken: list[tuple[int, Batch]] = field(default_factory=list)
    events: list[StoredEvent] = field(default_factory=list)
    acknowledged: int = 0
    messages: dict[str, OutboxMessage] = field(default_factory=dict)

    def submit(self, number: int, batch: Batch) -> bool:
        if self.failing:
            raise StoreFailed("test.db", StoreFault.FULL, "no space")
        self.taken.append((number, batch))
        self.messages |= {one.message_id: one for one in batch.outbox}
        for kind, data, at in batch.events:
            self.events.append(StoredEvent(len(self.events) + 1, kind, to_json(data), at))
        return self.at_once

    def unsent(self, limit: int) -> tuple[str, tuple[StoredEvent, ...]]:
        return "stream", tuple(self.events[self.acknowledged : self.acknowledged + limit])

    def acknowledge(self, up_to: int) -> None:
        self.acknowledged = max(self.acknowledged, up_to)

    def message(self, message_id: str) -> OutboxMessage | None:
        if self.unreadable:
            raise StoreFailed("test.db", StoreFault.IO, "cannot be read")
        return self.messages.get(message_id)


@dataclass
class Bench:
    world: World
    wire: Wire
    store: LateStore
    runtime: Runtime

    def open(self) -> None:
        self.runtime.link_event(events.Want())
        self.runtime.link_event(events.Granted(self.world.permits[-1][0]))
        self.wire.queue = [Opened(self.wire.dials[-1], None)]
        self.runtime.drain()

    def receive(self, *texts: str) -> None:
        self.wire.queue = [Received(self.wire.dials[-1], text) for text in texts]
        self.runtime.drain()


def bench(store: LateStore | None = None, protocol: Any = None, **config: Any) -> Bench:
    world, wire, settings = World(), Wire(), Settings()
    store = store or LateStore()
    instance = InstanceConfig(url="ws://127.0.0.1:1/", payload=Payload.JSON, **config)

    def make(config: InstanceConfig, settings: Settings) -> Any:
        return protocol or PlainProtocol(config, packb, unpackb, 20.0)

    runtime = Runtime(
        record=InstanceRecord("a", instance),
        settings=settings,
        link=Link(since_s=world.now),
        outbox=Outbox.of((), settings.outbox, world.now),
        session=store,
        feed_numbers=(0, 0),
        transport=wire,
        make_protocol=make,
        ports=world,
    )
    return Bench(world, wire, store, runtime)


def message(message_id: str, data: bytes = b'{"x":1}') -> OutboxMessage:
    return accept(message_id, data, Settings().outbox, 1e9 + 1000)
