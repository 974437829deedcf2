"""Schema versions: older stores are brought forward in one step or not at all, newer ones are refused untouched."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from core.effects import Change
from core.instances import InstanceConfig
from core.records import InstanceRecord, StoredEvent
from store import database, registry, schema, sessionschema
from store.codec import checksum
from store.database import open_database
from store.errors import StoreFailed, StoreTooNew
from store.files import PRIVATE
from store.journal import open_journal
from store.layout import DataDir
from store.registry import Registry, open_registry
from store.session import Batch, SessionStore

NOW = 1_795_446_904.0


def empty_database(path: Path) -> None:
    """A SQLite file without any table: version 0."""
    path.touch(PRIVATE)
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("CREATE TABLE t (x)")
    raw.execute("DROP TABLE t")
    raw.close()


def test_a_session_file_of_version_0_becomes_a_store(data: DataDir) -> None:
    empty_database(data.session("a"))
    store = SessionStore.open(data.session("a"), NOW)
    store.commit(Batch(changes=[Change("a", "b", b"c")]))
    store.close()
    again = SessionStore.open(data.session("a"), NOW)
    assert again.load().entries == {("a", "b"): b"c"}
    again.close()


def test_databases_of_version_0_become_registry_and_journal(data: DataDir) -> None:
    empty_database(data.registry_db)
    empty_database(data.journal_db)
    engine = open_registry(data.registry_url, NOW)
    Registry(engine).save(InstanceRecord("a", InstanceConfig(url="ws://127.0.0.1:1")))
    engine.dispose()
    journal = open_journal(data.journal_url, NOW)
    assert journal.append([("a", "s", [StoredEvent(1, "k", "{}", NOW)])], NOW) == 1
    journal.close()
    engine = open_registry(data.registry_url, NOW)
    assert len(Registry(engine).load()) == 1
    engine.dispose()


def session_step_2(connection: sqlite3.Connection) -> None:
    """A step as later versions will have it: a column more, the table made anew."""
    connection.execute(
        "CREATE TABLE entries_2 (space TEXT, key TEXT, value BLOB NOT NULL, size INTEGER, crc INTEGER NOT NULL,"
        " PRIMARY KEY (space, key)) WITHOUT ROWID"
    )
    for space, key, value, _ in connection.execute("SELECT * FROM entries").fetchall():
        row = (space, key, value, len(value))
        connection.execute("INSERT INTO entries_2 VALUES (?, ?, ?, ?, ?)", (*row, checksum(*row)))
    connection.execute("DROP TABLE entries")
    connection.execute("ALTER TABLE entries_2 RENAME TO entries")


def session_step_3(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE more (x TEXT, crc INTEGER NOT NULL)")


def failing_step(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TABLE entries")
    connection.execute("CREATE TABLE timeline (x)")


def open_session_with(
    monkeypatch: pytest.MonkeyPatch, path: Path, *steps: Callable[[sqlite3.Connection], None]
) -> SessionStore:
    """Open the file by a program that knows these further versions."""
    known = (*sessionschema.STEPS, *steps)
    with monkeypatch.context() as patch:
        patch.setattr(sessionschema.migrate, "__defaults__", (known,))
        patch.setattr(sessionschema.verify, "__defaults__", (1 + len(known),))
        return SessionStore.open(path, NOW)


def current_session(path: Path) -> None:
    store = SessionStore.open(path, NOW)
    store.commit(Batch(changes=[Change("a", "b", b"ccc")], events=[("k", {}, NOW)]))
    store.close()


def test_a_session_file_of_version_1_is_brought_forward_over_two_versions(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data.session("a")
    current_session(path)
    store = open_session_with(monkeypatch, path, session_step_2, session_step_3)
    assert store.load().entries == {("a", "b"): b"ccc"}
    assert store.unsent_count() == 1
    store.close()
    raw = sqlite3.connect(path)
    assert raw.execute("SELECT size FROM entries").fetchall() == [(3,)]
    assert raw.execute("SELECT COUNT(*) FROM more").fetchone() == (0,)
    raw.close()
    open_session_with(monkeypatch, path, session_step_2, session_step_3).close()


def test_a_session_file_of_a_newer_version_is_refused_and_stays(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data.session("a")
    current_session(path)
    open_session_with(monkeypatch, path, session_step_2).close()
    before = path.read_bytes()
    known = 1 + len(sessionschema.STEPS)
    with pytest.raises(
        StoreTooNew, match=rf"version {known + 1}, .* up to {known}.*newer program"
    ) as refusal:
        SessionStore.open(path, NOW)
    assert (refusal.value.found, refusal.value.known) == (known + 1, known)
    assert path.read_bytes() == before
    assert not (path.parent / "corrupt").exists()


def test_a_failing_step_leaves_the_session_file_as_it_was(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = data.session("a")
    current_session(path)
    with pytest.raises(StoreFailed):
        open_session_with(monkeypatch, path, session_step_2, failing_step)
    store = SessionStore.open(path, NOW)
    assert store.load().entries == {("a", "b"): b"ccc"}
    store.close()


def registry_step_2(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE notes (name VARCHAR(10), crc BIGINT NOT NULL)"))


def failing_registry_step(connection: Connection) -> None:
    connection.execute(text("DROP TABLE instances"))
    connection.execute(text("CREATE TABLE tokens (x INTEGER)"))


def version_1_registry(data: DataDir) -> None:
    engine = open_registry(data.registry_url, NOW)
    Registry(engine).save(InstanceRecord("a", InstanceConfig(url="ws://127.0.0.1:1")))
    engine.dispose()


def instances_of(data: DataDir, known: schema.Schema) -> list[str]:
    engine = open_database(data.registry_url, known, NOW)
    found = [record.instance_id for record in registry.Registry(engine).load()]
    engine.dispose()
    return found


def test_a_registry_of_version_1_is_brought_forward(data: DataDir) -> None:
    version_1_registry(data)
    newer = replace(schema.REGISTRY, steps=(*schema.REGISTRY.steps, registry_step_2))
    assert instances_of(data, newer) == ["a"]
    assert instances_of(data, newer) == ["a"]
    raw = sqlite3.connect(data.registry_db)
    assert raw.execute("SELECT version FROM schema_version").fetchall() == [(2,)]
    assert raw.execute("SELECT COUNT(*) FROM notes").fetchone() == (0,)
    raw.close()
    with pytest.raises(StoreTooNew, match="version 2"):
        open_registry(data.registry_url, NOW)
    assert instances_of(data, newer) == ["a"]


def test_a_failing_step_leaves_the_registry_as_it_was(data: DataDir) -> None:
    version_1_registry(data)
    newer = replace(schema.REGISTRY, steps=(*schema.REGISTRY.steps, registry_step_2, failing_registry_step))
    with pytest.raises(StoreFailed):
        open_database(data.registry_url, newer, NOW)
    assert instances_of(data, schema.REGISTRY) == ["a"]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="needs a file"):
        database.open_database(url, schema.REGISTRY, NOW)
