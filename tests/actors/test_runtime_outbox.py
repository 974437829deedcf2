"""What becomes of messages to send: held while the link is down, sent in order, repeated, given up."""

from runtime_bench import LateStore, bench, message

from actors.ports import Answer
from actors.transport import Lost, Opened
from core import link_events as events
from core import outbox
from core.failures import Failure, FailureKind
from core.messages import CommandReply
from core.records import MessageState


def kinds(store: LateStore) -> list[str]:
    return [event.kind for event in store.events]


def test_messages_are_held_while_the_link_is_down_and_leave_in_order_once_it_is_open() -> None:
    b = bench()
    for name in ("m1", "m2"):
        b.runtime.submit(message(name, name.encode()), Answer(None, CommandReply(name, True)))
    assert [reply.ref for reply in b.world.answers] == ["m1", "m2"]
    assert b.wire.sent == []
    b.open()
    assert b.wire.sent == [b"m1", b"m2"]
    assert kinds(b.store)[-2:] == ["message.sent", "message.sent"]
    accepted = [one.state for _, batch in b.store.taken for one in batch.outbox]
    assert accepted == [MessageState.ACCEPTED] * 2
    ends = [(one.message_id, one.state) for _, batch in b.store.taken for one in batch.outcomes]
    assert ends == [("m1", MessageState.SENT), ("m2", MessageState.SENT)]


def test_a_message_that_cannot_be_read_now_is_sent_later() -> None:
    b = bench()
    b.open()
    b.store.unreadable = True
    b.runtime.submit(message("m1", b"bytes"), Answer(None, CommandReply("m1", True)))
    assert b.wire.sent == [] and [one.message_id for one in b.runtime.outbox.waiting] == ["m1"]
    b.store.unreadable = False
    b.world.now += outbox.RETRY_S
    b.runtime.wake("outbox", 0)
    assert b.wire.sent == [b"bytes"] and b.runtime.outbox.waiting == ()


def test_a_message_that_is_stored_no_more_fails_and_the_next_one_leaves() -> None:
    b = bench()
    for name in ("m1", "m2"):
        b.runtime.submit(message(name, name.encode()), Answer(None, CommandReply(name, True)))
    del b.store.messages["m1"]
    b.open()
    ends = [(one.message_id, one.state) for _, batch in b.store.taken for one in batch.outcomes]
    assert ends == [("m1", MessageState.FAILED), ("m2", MessageState.SENT)]
    assert b.wire.sent == [b"m2"]


def test_a_message_is_answered_only_when_it_is_durable() -> None:
    b = bench(LateStore(at_once=False))
    b.runtime.submit(message("m1"), Answer(None, CommandReply("m1", True)))
    assert b.world.answers == []
    b.runtime.persisted(b.store.taken[-1][0])
    assert [reply.ref for reply in b.world.answers] == ["m1"]


def test_a_send_that_breaks_the_link_is_repeated_with_the_same_bytes() -> None:
    b = bench()
    b.open()
    b.wire.broken = True
    b.runtime.submit(message("m1", b"same"), Answer(None, CommandReply("m1", True)))
    assert [m.message_id for m in b.runtime.outbox.waiting] == ["m1"]
    b.wire.broken = False
    b.wire.queue = [Lost(b.wire.dials[-1], Failure(FailureKind.NETWORK, "reset"), None, "")]
    b.runtime.drain()
    b.world.now += 60
    b.runtime.link_event(events.ForceRetry())
    b.wire.queue = [Opened(b.wire.dials[-1], None)]
    b.runtime.drain()
    assert b.wire.sent == [b"same"]
    assert b.runtime.outbox.waiting == ()
