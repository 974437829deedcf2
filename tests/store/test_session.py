"""The session file: what a batch stores, events until they are acknowledged, messages, pruning, errors."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.effects import Change
from core.records import MessageOutcome, MessageState, OutboxMessage, TimelineEntry, WaitingMessage
from store import sessionviews
from store.codec import Unstorable, from_json
from store.errors import StoreFailed, StoreFault
from store.layout import DataDir
from store.session import Batch, SessionStore
from store.sessionwrites import Event

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


def events(count: int) -> list[Event]:
    return [("message.received", {"n": n}, NOW + n) for n in range(count)]


def test_a_new_store_is_empty_and_private(store: SessionStore) -> None:
    loaded = store.load()
    assert (loaded.entries, loaded.link_state, loaded.pending) == ({}, None, ())
    assert (loaded.next_event_number, loaded.unsent) == (1, 0)
    assert len(bytes.fromhex(loaded.stream)) == 16
    store.commit(Batch(changes=[Change("a", "b", b"c")]))
    for path in store.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_every_part_of_a_batch_comes_back(store: SessionStore) -> None:
    store.commit(
        Batch(
            changes=[Change("keys", "one", b"1"), Change("keys", "two", b"2"), Change("pre", "one", b"")],
            events=events(3),
            outbox=[message(1), message(2)],
            timeline=[TimelineEntry(NOW, "link.open", "open", delay_s=1.5)],
            link_state={"breaker": "open", "failures": [1.5, 2.5]},
        )
    )
    again = reopened(store)
    loaded = again.load()
    assert loaded.entries == {("keys", "one"): b"1", ("keys", "two"): b"2", ("pre", "one"): b""}
    assert loaded.link_state == {"breaker": "open", "failures": [1.5, 2.5]}
    assert loaded.pending == (WaitingMessage("m1", NOW + 1000), WaitingMessage("m2", NOW + 1000))
    assert (loaded.next_event_number, loaded.unsent) == (4, 3)
    assert [(e.number, e.kind, from_json(e.data), e.at) for e in again.unsent(10)[1]] == [
        (n + 1, kind, body, at) for n, (kind, body, at) in enumerate(events(3))
    ]
    assert sessionviews.timeline(again.path, None, 5).items == (
        TimelineEntry(NOW, "link.open", "open", delay_s=1.5),
    )
    again.close()


def test_changes_apply_in_order(store: SessionStore) -> None:
    store.commit(Batch(changes=[Change("s", "k", b"1"), Change("s", "k", None), Change("s", "gone", None)]))
    assert store.load().entries == {}
    store.commit(Batch(changes=[Change("s", "k", None), Change("s", "k", b"2")]))
    assert store.load().entries == {("s", "k"): b"2"}


def test_a_batch_without_link_state_leaves_the_stored_one(store: SessionStore) -> None:
    store.commit(Batch(link_state={"a": 1}))
    store.commit(Batch(events=events(1)))
    assert store.load().link_state == {"a": 1}


def test_an_empty_batch_is_false_and_any_content_makes_it_true() -> None:
    assert not Batch()
    full = [
        Batch(changes=[Change("a", "b", None)]),
        Batch(events=events(1)),
        Batch(outbox=[message(1)]),
        Batch(outcomes=[MessageOutcome("m1", MessageState.SENT, NOW, 1)]),
        Batch(timeline=[TimelineEntry(NOW, "e", "s")]),
        Batch(link_state={}),
    ]
    assert all(full)


def test_events_leave_oldest_first_until_acknowledged(store: SessionStore) -> None:
    store.commit(Batch(events=events(5)))
    stream, first = store.unsent(2)
    assert stream == store.stream
    assert [event.number for event in first] == [1, 2]
    store.acknowledge(2)
    assert [event.number for event in store.unsent(10)[1]] == [3, 4, 5]
    assert store.unsent_count() == 3
    store.acknowledge(1)
    assert store.unsent_count() == 3


def test_numbers_go_on_after_everything_was_acknowledged(store: SessionStore) -> None:
    store.commit(Batch(events=events(3)))
    store.acknowledge(3)
    again = reopened(store)
    assert again.load().unsent == 0
    again.commit(Batch(events=events(1)))
    assert [event.number for event in again.unsent(9)[1]] == [4]
    again.close()


def test_an_acknowledgement_beyond_the_last_event_swallows_no_later_one(store: SessionStore) -> None:
    store.commit(Batch(events=events(1)))
    store.acknowledge(1000)
    store.commit(Batch(events=events(1)))
    assert [event.number for event in store.unsent(9)[1]] == [2]


def test_an_acknowledged_event_leaves_the_file_with_the_next_write(store: SessionStore) -> None:
    store.commit(Batch(events=events(3)))
    store.acknowledge(2)
    store.commit(Batch(changes=[Change("a", "b", b"c")]))
    other = sqlite3.connect(store.path)
    assert other.execute("SELECT number FROM events").fetchall() == [(3,)]
    other.close()


def test_a_copy_gets_a_stream_of_its_own_and_keeps_unsent_events(store: SessionStore) -> None:
    store.commit(Batch(events=events(2)))
    before = store.stream
    store.begin_anew()
    again = reopened(store)
    assert again.stream == store.stream != before
    assert [event.number for event in again.unsent(9)[1]] == [1, 2]
    assert again.next_event_number == 3
    again.close()


@pytest.mark.parametrize(
    "batch",
    [
        Batch(changes=[Change("a", "b", b"new")], events=[("k", {"v": object()}, NOW)]),
        Batch(changes=[Change("a", "b", b"new")], events=[("k", {"v": b"bytes"}, NOW)]),
        Batch(changes=[Change("a", "b", b"new"), Change("\ud800", "b", b"new")]),
        Batch(changes=[Change("a", "b", b"new")], link_state={"v": object()}),
    ],
    ids=["object in event", "bytes in event", "surrogate in key", "object in link state"],
)
def test_a_batch_with_what_cannot_be_stored_changes_nothing(store: SessionStore, batch: Batch) -> None:
    store.commit(Batch(changes=[Change("a", "b", b"old")], events=events(1)))
    with pytest.raises(Unstorable):
        store.commit(batch)
    assert store.load().entries == {("a", "b"): b"old"}
    assert store.next_event_number == 2
    store.commit(Batch(events=events(1)))
    assert [event.number for event in store.unsent(9)[1]] == [1, 2]


def test_what_a_peer_can_send_as_json_can_be_stored(store: SessionStore) -> None:
    data = {"big": 10**30, "half": "\ud800", "nul": "\x00", "deep": [[[[]]]], "": None, "x": 1e300}
    store.commit(Batch(events=[("message.received", data, NOW)]))
    again = reopened(store)
    assert from_json(again.unsent(1)[1][0].data) == data
    again.close()


def test_a_file_locked_by_somebody_is_a_clear_failure(
    store: SessionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit(Batch(events=events(1)))
    store._db.execute("PRAGMA busy_timeout=10")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreFailed) as failure:
        store.commit(Batch(events=events(1)))
    assert failure.value.fault is StoreFault.LOCKED
    assert str(store.path) in str(failure.value) and "locked" in str(failure.value)
    other.close()
    assert store.next_event_number == 2
    store.commit(Batch(events=events(1)))
    assert [event.number for event in store.unsent(9)[1]] == [1, 2]


def test_a_session_store_in_a_missing_folder_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed) as failure:
        SessionStore.open(tmp_path / "no" / "a.db", NOW)
    assert failure.value.fault is StoreFault.MISSING


def test_closing_twice_does_nothing(store: SessionStore) -> None:
    store.commit(Batch(events=events(2)))
    store.acknowledge(1)
    store.close()
    store.close()


def test_the_durability_settings_hold(store: SessionStore) -> None:
    values = {
        name: store._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "cache_size", "foreign_keys")
    }
    assert values == {"journal_mode": "wal", "synchronous": 2, "cache_size": -512, "foreign_keys": 1}


def test_an_instance_process_loads_no_sqlalchemy() -> None:
    program = (
        "import sys, store.session, store.files, store.layout, store.logs, store.sessionviews, store.rotation;"
        "print([name for name in sys.modules if name.partition('.')[0] in ('sqlalchemy', 'pydantic', 'typer')])"
    )
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]"
