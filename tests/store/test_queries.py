"""Read-only queries: missing files, caching, paging, many threads beside a writer, replaced files."""

import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.instances import InstanceConfig
from core.records import (
    CrashRecord,
    InstanceRecord,
    Scope,
    StoredEvent,
    TimelineEntry,
)
from store.errors import BadCursor, StoreFailed, StoreFault
from store.journal import open_journal
from store.layout import DataDir
from store.paging import EventPage, Page
from store.queries import Queries
from store.registry import Registry, open_registry
from store.session import Batch, SessionStore
from store.sqlitefile import marker_of, remove_store
from store.tokens import TokenStore, new_token

NOW = 1_795_446_904.0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queries(data: DataDir, clock: Clock) -> Iterator[Queries]:
    opened = Queries(data, clock=clock)
    yield opened
    opened.close()


def test_a_data_folder_without_stores_is_empty(queries: Queries, data: DataDir) -> None:
    assert queries.tokens() == ()
    assert queries.verify("sbg_x", NOW) is None
    assert queries.crashes("a", None, 9) == Page((), None, 0)
    assert queries.events(0, 10) == EventPage((), False)
    assert (queries.first_number(), queries.last_event(), queries.count_events()) == (None, 0, 0)
    page = queries.timeline("a", None, 10)
    assert (page.items, page.next, page.total) == ((), None, 0)
    assert queries.messages("a", None, None, 10).items == ()
    assert queries.message("a", "m") is None
    assert [file for file in data.root.rglob("*") if file.is_file()] == []


def test_stores_that_appear_later_are_read(queries: Queries, data: DataDir) -> None:
    assert queries.last_event() == 0
    journal = open_journal(data.journal_url, NOW)
    journal.append([("a", "s", [StoredEvent(1, "k", '{"n":1}', NOW)])], NOW)
    assert queries.last_event() == 1
    assert [event.data for event in queries.events(0, 10).items] == [{"n": 1}]
    journal.close()


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("journal.db", lambda queries: queries.events(0, 10)),
        ("journal.db", lambda queries: queries.count_events()),
        ("journal.db", lambda queries: queries.last_event()),
        ("registry.db", lambda queries: queries.tokens()),
        ("registry.db", lambda queries: queries.crashes("a", None, 10)),
        ("instances/a.db", lambda queries: queries.timeline("a", None, 10)),
        ("instances/a.db", lambda queries: queries.messages("a", None, None, 10)),
        ("instances/a.db", lambda queries: queries.message("a", "m")),
    ],
    ids=["events", "count", "end", "tokens", "crashes", "timeline", "messages", "message"],
)
def test_a_store_that_was_set_aside_is_not_taken_for_an_empty_one(
    queries: Queries, data: DataDir, name: str, ask: Callable[[Queries], object]
) -> None:
    ask(queries)
    queries.forget_tokens()
    marker_of(data.root / name).write_bytes(b"{}")
    with pytest.raises(StoreFailed, match="moved away") as refusal:
        ask(queries)
    assert refusal.value.fault is StoreFault.SET_ASIDE


def test_tokens_are_read_at_most_once_a_second(queries: Queries, data: DataDir, clock: Clock) -> None:
    engine = open_registry(data.registry_url, NOW)
    store = TokenStore(engine)
    value, token = new_token("t", {Scope.ADMIN}, now=NOW)
    store.save(token)
    assert queries.verify(value, NOW) == token
    store.delete(token.token_id)
    clock.now += 0.9
    assert queries.verify(value, NOW) == token
    clock.now += 0.1
    assert queries.verify(value, NOW) is None
    store.save(token)
    queries.forget_tokens()
    assert queries.verify(value, NOW) == token
    engine.dispose()


def test_crashes_are_paged_newest_first(queries: Queries, data: DataDir) -> None:
    engine = open_registry(data.registry_url, NOW)
    for at, name in enumerate("abaa"):
        Registry(engine).add_crash(CrashRecord(name, float(at), 1, "exit 1", "open"))
    first = queries.crashes("a", None, 2)
    assert ([crash.at for crash in first.items], first.total) == ([3.0, 2.0], 3)
    Registry(engine).add_crash(CrashRecord("a", 9.0, 1, "exit 1", "open"))
    second = queries.crashes("a", first.next, 2)
    assert ([crash.at for crash in second.items], second.next) == ([0.0], None)
    with pytest.raises(BadCursor):
        queries.crashes("a", "nonsense", 2)
    engine.dispose()


def test_events_are_filtered_counted_and_bounded(queries: Queries, data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    for instance_id in ("a", "b", "c"):
        journal.append([(instance_id, "s", [StoredEvent(n, f"k{n % 2}", "{}", NOW) for n in (1, 2, 3)])], NOW)
    assert [e.number for e in queries.events(2, 3).items] == [3, 4, 5]
    assert [e.number for e in queries.events(0, 9, {"a", "c"}).items] == [1, 2, 3, 7, 8, 9]
    assert [e.number for e in queries.events(1, 2, {"a", "c"}, {"k1"}).items] == [3, 7]
    assert [queries.events(0, limit).more for limit in (8, 9)] == [True, False]
    assert queries.events(0, 9, set()) == EventPage((), False)
    counts = [queries.count_events(), queries.count_events({"a"}), queries.count_events({"a", "b"}, {"k1"})]
    assert counts == [9, 3, 4]
    assert queries.count_events(set()) == 0
    journal.trim(NOW + 8 * 86_400, 7, 0)
    assert (queries.first_number(), queries.last_event()) == (None, 9)
    journal.close()


def test_pages_of_large_events_end_early_and_do_not_read_the_rest(queries: Queries, data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    large = "x" * (1 << 20)
    for number in range(1, 25):
        journal.append([("a", "s", [StoredEvent(number, "k", json.dumps({"text": large}), NOW)])], NOW)
    page = queries.events(0, 500, max_bytes=(3 << 20) + 100)
    assert ([e.number for e in page.items], page.more) == ([1, 2, 3], True)
    page = queries.events(20, 500, max_bytes=10)
    assert ([e.number for e in page.items], page.more) == ([21], True)
    page = queries.events(23, 500, max_bytes=10)
    assert ([e.number for e in page.items], page.more) == ([24], False)
    del page
    tracemalloc.start()
    queries.events(0, 500, max_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 << 20
    journal.close()


def test_trimming_large_events_does_not_hold_them_all(data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    large = json.dumps({"text": "x" * (1 << 20)})
    for number in range(1, 25):
        journal.append([("a", "s", [StoredEvent(number, "k", large, NOW)])], NOW)
    tracemalloc.start()
    assert journal.trim(NOW + 10, retain_days=0, max_bytes=1 << 40) == 24
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
    journal.close()


def delete_tokens(queries: Queries) -> None:
    with queries._registry.open() as db:
        assert db is not None
        db.exec_driver_sql("DELETE FROM tokens")


def test_readers_cannot_write(queries: Queries, data: DataDir) -> None:
    open_registry(data.registry_url, NOW).dispose()
    queries.tokens()
    with pytest.raises(StoreFailed) as failure:
        delete_tokens(queries)
    assert failure.value.fault is StoreFault.READ_ONLY


def test_a_database_that_was_replaced_is_read_anew(queries: Queries, data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    journal.append([("a", "s", [StoredEvent(1, "old", "{}", NOW)])], NOW)
    assert queries.last_event() == 1
    journal.close()
    remove_store(data.journal_db)
    assert queries.last_event() == 0
    data.journal_db.write_bytes(b"x" * 5000)
    with pytest.raises(StoreFailed):
        queries.events(0, 9)
    journal = open_journal(data.journal_url, NOW, recreate=True)
    assert queries.last_event() == int(NOW * 1000)
    journal.close()


def test_many_threads_read_while_writers_write(queries: Queries, data: DataDir) -> None:
    journal, engine = open_journal(data.journal_url, NOW), open_registry(data.registry_url, NOW)
    store = SessionStore.open(data.session("a"), NOW)
    registry, tokens, done = Registry(engine), TokenStore(engine), threading.Event()

    def read() -> int:
        rounds = last = 0
        while not done.is_set() or rounds == 0:
            numbers = [event.number for event in queries.events(last, 50).items]
            assert numbers == list(range(last + 1, last + len(numbers) + 1))
            last += len(numbers)
            queries.forget_tokens()
            assert len(queries.tokens()) <= 60
            page = queries.timeline("a", None, 5)
            assert len(page.items) == min(5, page.total)
            queries.crashes("a", None, 9)
            rounds += 1
        return rounds

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read) for _ in range(8)]
        try:
            for number in range(1, 61):
                journal.append([("a", "s", [StoredEvent(number, "k", "{}", NOW)])], NOW)
                tokens.save(new_token(f"t{number}", {Scope.READ}, now=NOW)[1])
                registry.save(InstanceRecord(f"i{number}", InstanceConfig(url="ws://127.0.0.1:1")))
                store.commit(Batch(timeline=[TimelineEntry(NOW, "e", "s")]))
        finally:
            done.set()
        assert all(reader.result(timeout=60) > 0 for reader in readers)
    journal.close()
    store.close()
    engine.dispose()
