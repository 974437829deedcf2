"""What messages say lies apart from what is told of them: lists do not read it, ends do not write it anew."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from core.effects import Change
from core.records import MessageOutcome, MessageState, OutboxMessage
from store import sessionschema, sessionviews, sqlitefile
from store.codec import checksum, packb
from store.damage import seal_tables
from store.files import PRIVATE
from store.layout import DataDir
from store.session import Batch, SessionStore

NOW = 1_795_446_904.0
MIB = 1024 * 1024
WAITING = [
    OutboxMessage(f"m{number}", bytes([number]) * number, NOW, NOW + number, tries=1) for number in (2, 5)
]
SENT = OutboxMessage("m3", b"sent", NOW, NOW + 9, MessageState.SENT, 2, NOW + 1, None)
FAILED = OutboxMessage("m4", b"", NOW, NOW + 9, MessageState.FAILED, 3, NOW + 2, "refused")
MESSAGES = [WAITING[0], SENT, FAILED, WAITING[1]]
LAST_NUMBER = 9
# What makes a new file one of the first version.
VERSION_1 = (
    "DROP TABLE contents",
    "DROP TABLE outbox",
    "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE,"
    " state TEXT NOT NULL, finished_at REAL, body BLOB NOT NULL, crc INTEGER NOT NULL)",
    "CREATE INDEX outbox_state ON outbox (state, seq)",
)


def moved_bytes(direction: str) -> int:
    """What this process has read or written so far: `rchar`, `wchar` of proc(5)."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(direction))


@pytest.fixture
def full(memory_folder: Path) -> SessionStore:
    """A session file with 300 messages of 1 MB."""
    store = SessionStore.open(memory_folder / "a.db", NOW)
    content = b"x" * 1_000_000
    for first in range(0, 300, 50):
        numbers = range(first, first + 50)
        store.commit(Batch(outbox=[OutboxMessage(f"m{number}", content, NOW, NOW + 9) for number in numbers]))
    return store


def test_a_list_of_300_messages_of_1_mb_does_not_read_them(full: SessionStore) -> None:
    before = moved_bytes("rchar")
    page = sessionviews.messages(full.path, None, None, 300)
    assert moved_bytes("rchar") - before < MIB
    assert [one.message_id for one in page.items] == [f"m{number}" for number in reversed(range(300))]
    assert {one.size_bytes for one in page.items} == {1_000_000}
    before = moved_bytes("rchar")
    assert len(full.load().pending) == 300
    last = sessionviews.message(full.path, "m299")
    assert last is not None and last.size_bytes == 1_000_000
    assert moved_bytes("rchar") - before < MIB
    before = moved_bytes("wchar")
    full.commit(Batch(outcomes=[MessageOutcome("m0", MessageState.SENT, NOW, 1, None)]))
    assert moved_bytes("wchar") - before < MIB
    ended = full.message("m0")
    assert ended is not None and (ended.state, len(ended.data)) == (MessageState.SENT, 1_000_000)
    full.close()


def test_what_a_pruned_message_said_goes_with_it(data: DataDir) -> None:
    store = SessionStore.open(data.session("a"), NOW)
    store.commit(Batch(outbox=MESSAGES))
    store.prune(keep_finished=1)
    assert [store.message(one.message_id) for one in MESSAGES] == [WAITING[0], None, FAILED, WAITING[1]]
    with contextlib.closing(sqlite3.connect(store.path)) as raw:
        assert raw.execute("SELECT seq FROM contents ORDER BY seq").fetchall() == [(1,), (3,), (4,)]
    store.close()


def version_1_file(path: Path) -> None:
    """As the first version wrote it: the content is in the body."""
    path.touch(PRIVATE)
    with contextlib.closing(sqlitefile.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("BEGIN")
        sessionschema.migrate(raw)
        for statement in VERSION_1:
            raw.execute(statement)
        sessionschema.put_meta(raw, "version", 1)
        seal_tables(raw)
        for seq, m in enumerate([*MESSAGES, OutboxMessage("pruned", b"", NOW, NOW)], start=1):
            body = packb([m.data, m.accepted_at, m.expires_at, m.tries, m.error])
            row = (
                seq if m.message_id != "pruned" else LAST_NUMBER,
                m.message_id,
                m.state.value,
                m.finished_at,
                body,
            )
            raw.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?)", (*row, checksum(*row)))
        raw.execute("DELETE FROM outbox WHERE message_id = 'pruned'")
        row = ("s", "k", b"v")
        raw.execute("INSERT INTO entries VALUES (?, ?, ?, ?)", (*row, checksum(*row)))
        raw.execute("COMMIT")


def test_a_file_of_version_1_is_brought_forward(data: DataDir) -> None:
    path = data.session("a")
    version_1_file(path)
    store = SessionStore.open(path, NOW)
    loaded = store.load()
    assert loaded.entries == {("s", "k"): b"v"}
    assert [one.message_id for one in loaded.pending] == ["m2", "m5"]
    assert [store.message(one.message_id) for one in MESSAGES] == MESSAGES
    store.commit(Batch(changes=[Change("s", "k", None)], outbox=[OutboxMessage("m6", b"new", NOW, NOW)]))
    store.close()
    again = SessionStore.open(path, NOW)  # which checks every row
    assert [again.message(one.message_id) for one in MESSAGES] == MESSAGES
    again.close()
    with contextlib.closing(sqlite3.connect(path)) as raw:
        newest = raw.execute("SELECT seq FROM outbox WHERE message_id = 'm6'").fetchone()
        assert newest == (LAST_NUMBER + 1,), "a number that was used is not used again"
        assert raw.execute("PRAGMA index_list(outbox)").fetchall()[0][1] == "outbox_state"


def columns(path: Path) -> dict[str, list[object]]:
    with contextlib.closing(sqlite3.connect(path)) as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: raw.execute(f"PRAGMA table_info({name})").fetchall() for name in tables}


def test_a_file_brought_forward_has_the_tables_of_a_new_one(data: DataDir) -> None:
    old, new = data.session("old"), data.session("new")
    version_1_file(old)
    for path in (old, new):
        SessionStore.open(path, NOW).close()
    assert columns(old) == columns(new)


def test_an_emptied_outbox_of_version_1_gives_out_no_number_again(data: DataDir) -> None:
    path = data.session("a")
    version_1_file(path)
    with contextlib.closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DELETE FROM outbox")
    store = SessionStore.open(path, NOW)
    store.commit(Batch(outbox=[SENT]))
    [(number,)] = store._db.execute("SELECT seq FROM outbox").fetchall()
    assert number == LAST_NUMBER + 1
    store.close()


def test_a_file_of_version_1_is_listed_before_its_instance_brings_it_forward(data: DataDir) -> None:
    """A quarantined instance has no process that would."""
    path = data.session("a")
    version_1_file(path)
    before = sessionviews.messages(path, None, None, 10), sessionviews.message(path, "m4")
    SessionStore.open(path, NOW).close()
    assert before == (sessionviews.messages(path, None, None, 10), sessionviews.message(path, "m4"))
    assert [one.size_bytes for one in before[0].items] == [5, 0, 4, 2]
