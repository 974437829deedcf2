"""The outbox in a session file: accepted once, in order, pruned when finished."""

import sqlite3
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from core.records import MessageOutcome, MessageState, OutboxMessage, TimelineEntry
from store import sessionviews
from store.errors import MessageConflict
from store.layout import DataDir
from store.session import Batch, SessionStore

NOW = 1_795_446_904.0


@pytest.fixture
def store(data: DataDir) -> Iterator[SessionStore]:
    opened = SessionStore.open(data.session("a"), NOW)
    yield opened
    opened.close()


def reopened(store: SessionStore) -> SessionStore:
    store.close()
    return SessionStore.open(store.path, NOW)


def message(number: int, **changes: object) -> OutboxMessage:
    made = OutboxMessage(f"m{number}", f"data {number}".encode(), NOW + number, NOW + 1000)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_message_is_accepted_once(store: SessionStore) -> None:
    assert store.add_message(message(1)) == message(1)
    store.commit(Batch(outbox=[message(1, state=MessageState.SENT, tries=1, finished_at=NOW)]))
    again = store.add_message(message(1, accepted_at=NOW + 500))
    assert (again.state, again.accepted_at) == (MessageState.SENT, NOW + 1)
    with pytest.raises(MessageConflict, match="m1"):
        store.add_message(message(1, data=b"other"))
    assert store.message("m1") == again
    assert store.message("m2") is None


def test_an_updated_message_keeps_its_place(store: SessionStore) -> None:
    store.commit(Batch(outbox=[message(1), message(2), message(3)]))
    store.commit(Batch(outbox=[message(1, tries=4)]))
    store.commit(Batch(outcomes=[MessageOutcome("m2", MessageState.FAILED, 5.0, 3, "refused")]))
    assert [m.message_id for m in store.load().pending] == ["m1", "m3"]
    assert store.message("m2") == message(
        2, state=MessageState.FAILED, error="refused", finished_at=5, tries=3
    )
    again = reopened(store)
    assert again.load().pending[0].tries == 4
    again.close()


def test_the_outcome_of_a_message_that_is_gone_is_nothing(store: SessionStore) -> None:
    store.commit(Batch(outcomes=[MessageOutcome("m1", MessageState.SENT, NOW, 1)]))
    assert store.message("m1") is None


def test_a_full_outbox_is_loaded_and_ended_without_holding_its_bytes(store: SessionStore) -> None:
    many, size = 40, 1 << 20
    for number in range(many):
        store.add_message(message(number, data=bytes(size)))
    tracemalloc.start()
    try:
        pending = store.load().pending
        store.commit(
            Batch(outcomes=[MessageOutcome(one.message_id, MessageState.EXPIRED, NOW, 0) for one in pending])
        )
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(pending) == many and most < 8 * size
    assert store.load().pending == ()


def test_pruning_keeps_the_newest_finished_and_every_pending_message(store: SessionStore) -> None:
    for number in range(1, 7):
        state = MessageState.ACCEPTED if number in (1, 4) else MessageState.SENT
        store.commit(Batch(outbox=[message(number, state=state)]))
    store.commit(Batch(timeline=[TimelineEntry(NOW + n, "e", "s") for n in range(10)]))
    store.prune(keep_finished=2, keep_timeline=3)
    kept = sessionviews.messages(store.path, None, None, 10).items
    assert [m.message_id for m in kept] == ["m6", "m5", "m4", "m1"]
    assert [e.at - NOW for e in sessionviews.timeline(store.path, None, 10).items] == [9, 8, 7]
    store.prune(keep_finished=0, keep_timeline=0)
    assert [m.message_id for m in sessionviews.messages(store.path, None, None, 10).items] == ["m4", "m1"]


def test_numbers_of_pruned_rows_are_not_used_again(store: SessionStore) -> None:
    store.commit(Batch(outbox=[message(1, state=MessageState.SENT)], timeline=[TimelineEntry(NOW, "e", "s")]))
    cursor = sessionviews.timeline(store.path, None, 1)
    store.prune(0, 0)
    store.commit(Batch(outbox=[message(2)], timeline=[TimelineEntry(NOW, "e", "s")]))
    rows = sqlite3.connect(store.path)
    assert rows.execute("SELECT seq FROM outbox").fetchall() == [(2,)]
    assert rows.execute("SELECT number FROM timeline").fetchall() == [(2,)]
    rows.close()
    assert cursor.next is None
