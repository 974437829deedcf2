"""One instance's runtime, driven turn by turn: a fake transport, a store that answers late, a clock of its own."""

import pytest
from runtime_bench import bench, message

from actors.obeying import obey
from actors.ports import Answer
from actors.transport import Closed, Lost
from core import link_events as events
from core.effects import Authenticated, Change, Emit, Persist, ProtocolEffect, Reply, Send
from core.failures import Failure, FailureKind
from core.link_state import LinkState
from core.messages import CommandReply, ForceRetry
from core.protocol import Command, Endpoint
from core.records import MessageState


def test_an_instance_dials_once_it_has_a_permit_and_opens() -> None:
    b = bench()
    b.open()
    assert b.wire.dials == [b.world.permits[0][0]]
    assert b.runtime.link.state is LinkState.OPEN
    assert [record.event for record in b.world.records] == [
        "socket.creating",
        "connection.update",
        "connection.update",
        "connection.open",
    ]


def test_messages_are_stored_before_they_are_acknowledged() -> None:
    b = bench(ack_field="id")
    b.open()
    b.store.at_once = False
    b.receive('{"id":7}')
    assert b.wire.sent == []
    b.runtime.persisted(b.store.taken[-1][0])
    assert b.wire.sent == [b'{"ack":7}']


def test_a_drain_of_many_messages_is_one_transaction() -> None:
    b = bench(ack_field="id")
    b.open()
    before = len(b.store.taken)
    b.receive(*(f'{{"id":{n}}}' for n in range(64)))
    assert len(b.store.taken) == before + 1
    assert len(b.wire.sent) == 64


def test_effects_of_later_turns_wait_behind_an_unanswered_batch() -> None:
    b = bench(ack_field="id")
    b.open()
    b.store.at_once = False
    b.receive('{"id":1}')
    b.receive('{"id":2}')
    first, second = b.store.taken[-2][0], b.store.taken[-1][0]
    b.runtime.persisted(first)
    assert b.wire.sent == [b'{"ack":1}']
    b.runtime.persisted(second)
    assert b.wire.sent == [b'{"ack":1}', b'{"ack":2}']


def test_a_failing_store_holds_acknowledgements_and_reading_until_it_works_again() -> None:
    b = bench(ack_field="id")
    b.open()
    b.store.failing = True
    b.receive('{"id":1}')
    assert b.wire.sent == []
    assert not b.wire.reading
    assert b.runtime.store_failure is not None
    b.store.failing = False
    b.runtime.wake("store", 0)
    assert b.wire.sent == [b'{"ack":1}']
    assert b.wire.reading
    assert b.runtime.store_failure is None


def test_one_event_batch_is_outstanding_at_a_time_and_resent_when_unanswered() -> None:
    b = bench()
    b.open()
    b.receive('{"n":1}')
    b.receive('{"n":2}')
    assert len(b.world.batches) == 1
    first = b.world.batches[0][1]
    b.runtime.events_stored(first[-1].number)
    assert b.world.batches[1][1][0].number == first[-1].number + 1
    b.world.now += b.runtime.settings.events.resend_s
    b.runtime.tick()
    assert b.world.batches[2] == b.world.batches[1]


def test_an_instance_stops_reading_while_the_journal_does_not_keep_up() -> None:
    b = bench()
    b.open()
    limit = b.runtime.settings.events.max_unsent
    b.runtime.feed.last += limit
    b.receive('{"n":1}')
    assert not b.wire.reading
    b.runtime.events_stored(b.runtime.feed.last)
    assert b.wire.reading


def test_a_force_retry_is_answered_when_the_dial_has_started() -> None:
    b = bench()
    b.open()
    b.runtime.link_event(events.Unwant())
    b.runtime.force(None, "f1")
    assert b.world.answers == []
    b.wire.queue = [Closed(b.wire.dials[-1], 1000, "")]
    b.runtime.drain()
    assert [reply.ref for reply in b.world.answers] == ["f1"]
    assert len(b.wire.dials) == 2


def test_an_instance_is_forced_at_most_once_in_five_seconds() -> None:
    b = bench()
    b.runtime.link_event(events.Want())

    def force(ref: str) -> CommandReply:
        obey(b.runtime, lambda _message_id: None, ForceRetry(ref, "a"), None)
        return b.world.answers[-1]

    def refused() -> None:
        """The dial ends at once."""
        b.wire.queue = [Lost(b.wire.dials[-1], Failure(FailureKind.NETWORK, "refused"), None, "")]
        b.runtime.drain()

    assert force("f1").ok
    assert force("f2").code == "in_progress"
    refused()
    b.world.now += 2.0
    again = force("f3")
    assert (again.code, again.data) == ("too_soon", {"retry_after_s": 3.0})
    assert "in 3.0 s" in again.message
    b.world.now += 3.0
    assert force("f4").ok
    assert len(b.wire.dials) == 2


class Recording:
    """A protocol that persists, then sends, then emits: the order that must hold."""

    def endpoint(self) -> Endpoint:
        return Endpoint("ws://127.0.0.1:1/")

    def on_open(self, now_s: float) -> list[ProtocolEffect]:
        return [Authenticated()]

    def on_message(self, data: bytes | str, now_s: float) -> list[ProtocolEffect]:
        return [Send(b"early"), Persist((Change("s", "k", b"v"),)), Send(b"late"), Emit("seen")]

    def on_timer(self, name: str, now_s: float) -> list[ProtocolEffect]:
        return []

    def on_command(self, command: Command, now_s: float) -> list[ProtocolEffect]:
        return [Reply(command.ref, "not today", retry=False)]

    def on_persisted(self, batch: int, now_s: float) -> list[ProtocolEffect]:
        return []

    def on_closed(self, code: int | None, reason: str) -> list[ProtocolEffect]:
        return []


def test_protocol_state_is_durable_before_anything_of_its_drain_is_sent() -> None:
    b = bench(protocol=Recording())
    b.open()
    b.store.at_once = False
    b.receive("x")
    number, batch = b.store.taken[-1]
    assert [change.key for change in batch.changes] == ["k"]
    assert [kind for kind, _, _ in batch.events] == ["seen"]
    assert b.wire.sent == []
    b.runtime.persisted(number)
    assert b.wire.sent == [b"early", b"late"]


def test_a_message_the_protocol_refuses_fails_with_its_reason() -> None:
    b = bench(protocol=Recording())
    b.open()
    b.runtime.submit(message("m1"), Answer(None, CommandReply("m1", True)))
    done = [m for _, batch in b.store.taken for m in batch.outcomes][-1]
    assert (done.state, done.error) == (MessageState.FAILED, "not today")


@pytest.mark.parametrize("late", [False, True], ids=["local store", "late store"])
def test_an_unwanted_link_closes_and_goes_idle(late: bool) -> None:
    b = bench()
    b.open()
    b.store.at_once = not late
    b.runtime.link_event(events.Unwant())
    if late:
        b.runtime.persisted(b.store.taken[-1][0])
    assert b.wire.closes == 1
    b.wire.queue = [Closed(b.wire.dials[-1], 1000, "")]
    b.runtime.drain()
    assert b.runtime.link.state is LinkState.IDLE
