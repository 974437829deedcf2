"""The journal: global numbers, duplicates, retention, speed; the same tables in PostgreSQL's words."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from core.records import StoredEvent
from store import journal as module
from store import schema
from store.codec import to_json
from store.journal import Journal, open_journal
from store.layout import DataDir
from store.sqlitefile import remove_store

NOW = 1_795_446_904.0
DAY_S = 86_400.0
NO_LIMIT = 1 << 60


@pytest.fixture
def journal(data: DataDir) -> Iterator[Journal]:
    opened = open_journal(data.journal_url, NOW)
    yield opened
    opened.close()


def events(first: int, last: int, kind: str = "message.received", size: int = 10) -> list[StoredEvent]:
    return [
        StoredEvent(n, kind, to_json({"n": n, "text": "x" * size}), NOW + n) for n in range(first, last + 1)
    ]


def shown(journal: Journal, **wanted: Any) -> list[tuple[int, str, int]]:
    return [(e.number, e.instance_id, e.data["n"]) for e in journal.read(0, 10_000, **wanted)]


def test_a_new_journal_is_empty(journal: Journal) -> None:
    assert journal.last_number() == 0
    assert journal.read(0, 10) == []
    assert journal.append([], NOW) == 0
    assert journal.append([("a", "s", [])], NOW) == 0


def test_events_are_numbered_in_the_order_of_the_batches(journal: Journal) -> None:
    assert journal.append([("b", "s", events(1, 2)), ("a", "s", events(1, 1))], NOW) == 3
    assert journal.append([("a", "s", events(2, 2))], NOW) == 4
    assert shown(journal) == [(1, "b", 1), (2, "b", 2), (3, "a", 1), (4, "a", 2)]


def test_every_field_comes_back_after_a_restart(journal: Journal, data: DataDir) -> None:
    body = {"text": "é\ud800\x00", "big": 2**70, "list": [1.5, None, True], "n": 1}
    journal.append([("a", "s", [StoredEvent(1, "x.y", to_json(body), 12.25)])], NOW)
    journal.close()
    again = open_journal(data.journal_url, NOW)
    (event,) = again.read(0, 10)
    assert (event.number, event.instance_id, event.kind, event.at) == (1, "a", "x.y", 12.25)
    assert event.data == body
    again.close()


def test_a_batch_sent_again_is_stored_once(journal: Journal) -> None:
    journal.append([("a", "s", events(1, 3))], NOW)
    assert journal.append([("a", "s", events(1, 3))], NOW) == 3
    assert journal.append([("a", "s", events(2, 5)), ("a", "s", events(4, 6))], NOW) == 6
    assert shown(journal) == [(n, "a", n) for n in range(1, 7)]


def test_streams_and_instances_are_counted_apart(journal: Journal) -> None:
    journal.append([("a", "s", events(1, 2)), ("a", "t", events(1, 1)), ("b", "s", events(1, 1))], NOW)
    assert shown(journal) == [(1, "a", 1), (2, "a", 2), (3, "a", 1), (4, "b", 1)]


def test_the_order_inside_a_batch_is_that_of_the_numbers(journal: Journal) -> None:
    journal.append([("a", "s", events(1, 3)[::-1])], NOW)
    assert shown(journal) == [(1, "a", 1), (2, "a", 2), (3, "a", 3)]


def test_a_gap_in_a_stream_is_no_reason_to_lose_what_follows(journal: Journal) -> None:
    journal.append([("a", "s", events(1, 2))], NOW)
    journal.append([("a", "s", events(9, 9))], NOW)
    assert [n for _, _, n in shown(journal)] == [1, 2, 9]


def test_reading_is_by_number_instance_and_kind(journal: Journal) -> None:
    journal.append([("a", "s", events(1, 2, "x")), ("b", "s", events(1, 2, "y"))], NOW)
    journal.append([("a", "s", events(3, 4, "y"))], NOW)
    assert [e.number for e in journal.read(2, 2)] == [3, 4]
    assert [e.number for e in journal.read(0, 10, "a")] == [1, 2, 5, 6]
    assert [e.number for e in journal.read(1, 2, "a")] == [2, 5]
    assert [e.number for e in journal.read(0, 10, kinds=["y"])] == [3, 4, 5, 6]
    assert [e.number for e in journal.read(0, 10, "a", {"y"})] == [5, 6]
    assert journal.read(0, 10, kinds=[]) == []
    assert journal.read(6, 10) == []


def test_old_events_go_and_their_numbers_never_come_back(journal: Journal, data: DataDir) -> None:
    journal.append([("a", "s", events(1, 3))], NOW - 8 * DAY_S)
    journal.append([("a", "s", events(4, 5))], NOW - 6 * DAY_S)
    assert journal.trim(NOW, 7, NO_LIMIT) == 3
    assert [e.number for e in journal.read(0, 10)] == [4, 5]
    assert journal.trim(NOW + 30 * DAY_S, 7, NO_LIMIT) == 2
    assert journal.trim(NOW + 30 * DAY_S, 7, NO_LIMIT) == 0
    assert journal.last_number() == 5
    journal.close()
    again = open_journal(data.journal_url, NOW)
    assert again.append([("a", "s", events(6, 6))], NOW) == 6
    again.close()


def test_retention_brings_no_duplicate_back(journal: Journal) -> None:
    journal.append([("a", "s", events(1, 3))], NOW - 8 * DAY_S)
    journal.trim(NOW, 7, NO_LIMIT)
    journal.append([("a", "s", events(1, 4))], NOW)
    assert [n for _, _, n in shown(journal)] == [4]


def test_the_size_limit_drops_the_oldest_and_the_file_shrinks(journal: Journal, data: DataDir) -> None:
    for batch in range(40):
        journal.append([("a", "s", events(batch * 256 + 1, batch * 256 + 256, size=400))], NOW)
    before = os.path.getsize(data.journal_db)
    limit = before // 4
    while journal.trim(NOW, 7, limit):
        pass
    kept = journal.read(0, 100_000)
    assert kept[-1].number == journal.last_number() == 40 * 256
    assert [e.number for e in kept] == list(range(kept[0].number, 40 * 256 + 1))
    assert 0.7 * limit < sum(len(str(e.data)) + 100 for e in kept) < 1.1 * limit
    journal.close()
    assert os.path.getsize(data.journal_db) < 1.2 * limit


def test_what_just_fits_stays(journal: Journal, data: DataDir) -> None:
    journal.append([("a", "s", events(1, 3))], NOW)
    raw = sqlite3.connect(data.journal_db)
    (total,) = raw.execute("SELECT value FROM counters WHERE name = 'total_bytes'").fetchone()
    raw.close()
    assert journal.trim(NOW, 7.0, total) == 0
    assert journal.trim(NOW, 7.0, total - 1) == 1


def test_one_trim_is_bounded_and_says_that_more_is_left(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIM_CHUNK", 10)
    monkeypatch.setattr(module, "TRIM_CHUNKS", 3)
    journal.append([("a", "s", events(1, 50))], NOW - 9 * DAY_S)
    assert [journal.trim(NOW, 7, NO_LIMIT) for _ in range(3)] == [30, 20, 0]


@pytest.mark.parametrize("size", [0, 300, 2000, 3000, 5000, 6500, 20_000])
def test_the_estimate_of_the_size_is_near_the_files(journal: Journal, data: DataDir, size: int) -> None:
    for batch in range(4):
        some = events(batch * 256 + 1, batch * 256 + 256, size=size)
        journal.append([(f"instance-{size}", "s", some)], NOW)
    journal.close()
    raw = sqlite3.connect(data.journal_db)
    (total,) = raw.execute("SELECT value FROM counters WHERE name = 'total_bytes'").fetchone()
    raw.close()
    assert 0.85 < total / os.path.getsize(data.journal_db) < 1.2


def test_a_failed_append_stores_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.append([("a", "s", events(1, 2))], NOW)

    def fail(*_: object) -> None:
        raise RuntimeError("between two writes of one transaction")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_set_counter", fail)
        with pytest.raises(RuntimeError):
            journal.append([("a", "s", events(3, 4)), ("b", "s", events(1, 1))], NOW)
    assert journal.last_number() == 2
    assert journal.append([("a", "s", events(3, 4)), ("b", "s", events(1, 1))], NOW) == 5
    assert [number for number, _, _ in shown(journal)] == [1, 2, 3, 4, 5]


SENDS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("st"), st.integers(0, 3), st.integers(0, 4))
)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sends=SENDS, trims=st.sets(st.integers(0, 9)))
def test_however_often_batches_are_sent_each_event_is_stored_once_in_order(
    sends: list[tuple[str, str, int, int]], trims: set[int], memory_folder: Path
) -> None:
    """Each send repeats up to 3 events that were stored before and adds up to 4 new ones."""
    remove_store(memory_folder / "journal.db")
    journal = open_journal(f"sqlite:///{memory_folder}/journal.db", NOW)
    marks: dict[tuple[str, str], int] = {}
    expected: list[tuple[str, int]] = []
    for step, (instance_id, stream, again, new) in enumerate(sends):
        mark = marks.get((instance_id, stream), 0)
        batch = events(max(1, mark - again + 1), mark + new)
        assert journal.append([(instance_id, stream, batch)], NOW) == len(expected) + new
        expected += [(instance_id, n) for n in range(mark + 1, mark + new + 1)]
        marks[instance_id, stream] = mark + new
        if step in trims:
            journal.trim(NOW, 7, 500)
    found = journal.read(0, 10_000)
    tail = expected[len(expected) - len(found) :]
    assert [(e.instance_id, e.data["n"]) for e in found] == tail
    assert [e.number for e in found] == list(range(len(expected) - len(found) + 1, len(expected) + 1))
    journal.close()


@pytest.mark.parametrize("store", [schema.REGISTRY, schema.JOURNAL], ids=lambda store: store.name)
def test_the_tables_compile_for_postgresql(store: schema.Schema) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in store.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))
