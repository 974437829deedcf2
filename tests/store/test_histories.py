"""Histories in session files, as the web process reads them: paging, filters, files that come and go."""

import contextlib
import sqlite3
import tracemalloc
from collections.abc import Iterator

import pytest

from core.records import (
    MessageState,
    OutboxMessage,
    TimelineEntry,
)
from store.errors import BadCursor, StoreFailed, StoreFault
from store.layout import DataDir
from store.paging import decode_cursor, encode_cursor
from store.queries import Queries
from store.session import Batch, SessionStore
from store.sqlitefile import remove_store

NOW = 1_795_446_904.0


@pytest.fixture
def queries(data: DataDir) -> Iterator[Queries]:
    opened = Queries(data)
    yield opened
    opened.close()


def filled_session(data: DataDir, count: int) -> SessionStore:
    store = SessionStore.open(data.session("a"), NOW)
    for number in range(1, count + 1):
        state = MessageState.SENT if number % 2 else MessageState.ACCEPTED
        store.commit(
            Batch(
                outbox=[OutboxMessage(f"m{number}", b"x", NOW, NOW + 1, state)],
                timeline=[TimelineEntry(NOW + number, "e", "s")],
            )
        )
    return store


def test_histories_are_paged_newest_first_while_they_grow(queries: Queries, data: DataDir) -> None:
    store = filled_session(data, 7)
    first = queries.timeline("a", None, 3)
    assert ([e.at - NOW for e in first.items], first.total) == ([7, 6, 5], 7)
    store.commit(Batch(timeline=[TimelineEntry(NOW + 8, "e", "s")]))
    second = queries.timeline("a", first.next, 3)
    assert ([e.at - NOW for e in second.items], second.total) == ([4, 3, 2], 8)
    third = queries.timeline("a", second.next, 3)
    assert ([e.at - NOW for e in third.items], third.next) == ([1], None)
    store.close()
    assert queries.timeline("a", None, 8).next is None


def test_a_page_of_large_messages_holds_one_content_at_a_time(queries: Queries, data: DataDir) -> None:
    with contextlib.closing(SessionStore.open(data.session("a"), NOW)) as store:
        for number in range(24):
            store.commit(Batch(outbox=[OutboxMessage(f"m{number}", b"x" * (1 << 20), NOW, NOW + 1)]))
    tracemalloc.start()
    page = queries.messages("a", None, None, 500)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {one.size_bytes for one in page.items} == {1 << 20}
    assert (len(page.items), page.next) == (24, None)
    assert peak < 8 << 20


def test_messages_are_filtered_by_state_and_found_by_id(queries: Queries, data: DataDir) -> None:
    store = filled_session(data, 5)
    sent = queries.messages("a", MessageState.SENT, None, 2)
    assert ([m.message_id for m in sent.items], sent.total) == (["m5", "m3"], 3)
    rest = queries.messages("a", MessageState.SENT, sent.next, 2)
    assert ([m.message_id for m in rest.items], rest.next) == (["m1"], None)
    assert [m.message_id for m in queries.messages("a", None, None, 9).items] == [
        "m5",
        "m4",
        "m3",
        "m2",
        "m1",
    ]
    assert queries.messages("a", MessageState.FAILED, None, 9).total == 0
    found = queries.message("a", "m4")
    assert found is not None and found.state is MessageState.ACCEPTED
    assert queries.message("a", "m9") is None
    store.close()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "====",
        encode_cursor("messages", 3),
        encode_cursor("timeline", 3) + "A",
        "MTIz",
        "a" * 5000,
    ],
    ids=lambda cursor: ascii(cursor[:12]),
)
def test_a_cursor_of_somebody_else_is_refused(queries: Queries, data: DataDir, cursor: str) -> None:
    filled_session(data, 3).close()
    with pytest.raises(BadCursor):
        queries.timeline("a", cursor, 3)


@pytest.mark.parametrize("number", [1, 999_999_999_999_999_999])
def test_a_cursor_comes_back(number: int) -> None:
    assert decode_cursor("timeline", encode_cursor("timeline", number)) == number


@pytest.mark.parametrize("stray", ["!!!!", "\n", " ", "é", "+", "/"])
def test_a_cursor_with_anything_between_is_none(stray: str) -> None:
    """A decoder that skips what it does not know would take it for the one that was given out."""
    cursor = encode_cursor("timeline", 7)
    with pytest.raises(BadCursor):
        decode_cursor("timeline", f"{cursor[:4]}{stray}{cursor[4:]}")


@pytest.mark.parametrize("number", [-1, 10**18, 2**70])
def test_a_number_that_no_row_has_is_no_cursor(number: int) -> None:
    with pytest.raises(BadCursor):
        decode_cursor("timeline", encode_cursor("timeline", number))


def test_what_is_no_instance_id_reaches_no_file(queries: Queries) -> None:
    with pytest.raises(ValueError, match="instance id"):
        queries.timeline("../registry", None, 3)


def test_a_removed_instance_has_an_empty_history(queries: Queries, data: DataDir) -> None:
    filled_session(data, 3).close()
    assert queries.timeline("a", None, 3).total == 3
    remove_store(data.session("a"))
    assert queries.timeline("a", None, 3).total == 0
    assert list(data.instances.iterdir()) == []


def test_the_files_a_killed_writer_left_can_be_read(queries: Queries, data: DataDir) -> None:
    """Without the writer the reader has to look into the -wal by itself."""
    store = filled_session(data, 3)
    wal = data.session("a").with_name("a.db-wal").read_bytes()
    image = data.session("a").read_bytes()
    store.close()
    remove_store(data.session("a"))
    data.session("a").write_bytes(image)
    data.session("a").with_name("a.db-wal").write_bytes(wal)
    assert queries.timeline("a", None, 9).total == 3


def test_damage_in_a_history_is_a_clear_failure(queries: Queries, data: DataDir) -> None:
    filled_session(data, 3).close()
    raw = sqlite3.connect(data.session("a"))
    raw.execute("UPDATE timeline SET body = x'01' WHERE number = 2")
    raw.commit()
    raw.close()
    with pytest.raises(StoreFailed) as failure:
        queries.timeline("a", None, 9)
    assert failure.value.fault is StoreFault.DAMAGED
