"""What happens to a damaged file: set aside, never replaced without the operator."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.effects import Change
from core.records import StoredEvent
from store import schema, sqlitefile
from store.database import open_database, reading
from store.errors import StoreCorrupt, StoreError
from store.journal import open_journal
from store.layout import DataDir
from store.registry import open_registry
from store.session import Batch, SessionData, SessionStore

NOW = 1_795_446_904.0
STAMP = "20261123T151504Z"


def test_a_damaged_file_is_set_aside_and_both_places_are_named(sample: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    sample.make(path)
    damaged = b"not a database" * 100
    path.write_bytes(damaged)
    with pytest.raises(StoreCorrupt) as refusal:
        sample.dump(path)
    moved = tmp_path / "corrupt" / f"a.db-{STAMP}"
    assert refusal.value.moved_to == moved
    assert moved.read_bytes() == damaged
    assert not path.exists()
    for named in (path, moved, sqlitefile.marker_of(path)):
        assert str(named) in str(refusal.value)


def test_the_folder_for_damaged_files_can_be_chosen(data: DataDir) -> None:
    for path, opened in (
        (data.session("a"), lambda: SessionStore.open(data.session("a"), NOW, aside=data.corrupt)),
        (data.registry_db, lambda: open_registry(data.registry_url, NOW, aside=data.corrupt)),
        (data.journal_db, lambda: open_journal(data.journal_url, NOW, aside=data.corrupt)),
    ):
        path.write_bytes(b"x" * 5000)
        with pytest.raises(StoreCorrupt) as refusal:
            opened()
        assert refusal.value.moved_to == data.corrupt / f"{path.name}-{STAMP}"


def test_nothing_takes_a_damaged_files_place_by_itself(sample: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"x" * 5000)
    moved = []
    for _ in range(3):
        with pytest.raises(StoreCorrupt) as refusal:
            sample.make(path)
        moved.append(refusal.value.moved_to)
        assert not path.exists()
    assert moved == [tmp_path / "corrupt" / f"a.db-{STAMP}"] * 3


def test_two_damaged_files_of_one_second_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for content in (b"1" * 200, b"2" * 200):
        path.write_bytes(content)
        with pytest.raises(StoreCorrupt):
            SessionStore.open(path, NOW)
    kept = sorted((tmp_path / "corrupt").iterdir())
    assert [file.read_bytes()[:1] for file in kept] == [b"1", b"2"]


def without_stream(dumped: Any) -> Any:
    """A session file's content without the id of its event stream, which a copy draws anew."""
    if not isinstance(dumped[0], SessionData):
        return dumped
    (loaded, (_, unsent), views) = dumped
    return replace(loaded, stream=""), unsent, views


def test_the_operator_can_put_a_sound_copy_back(sample: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    sample.make(path)
    expected = sample.dump(path)
    shutil.copy(path, tmp_path / "backup")
    path.write_bytes(b"x" * 5000)
    with pytest.raises(StoreCorrupt):
        sample.dump(path)
    shutil.copy(tmp_path / "backup", path)
    assert without_stream(sample.dump(path)) == without_stream(expected)
    assert not sqlitefile.marker_of(path).exists()


def test_the_operator_can_accept_the_loss_by_removing_the_marker(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"x" * 5000)
    with pytest.raises(StoreCorrupt):
        SessionStore.open(path, NOW)
    sqlitefile.marker_of(path).unlink()
    store = SessionStore.open(path, NOW)
    assert store.load().entries == {}
    store.close()


def test_recreate_accepts_the_loss_but_keeps_the_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"x" * 5000)
    SessionStore.open(path, NOW, recreate=True).close()
    assert not sqlitefile.marker_of(path).exists()
    assert (tmp_path / "corrupt" / f"a.db-{STAMP}").exists()
    SessionStore.open(path, NOW).close()


def test_recreate_leaves_a_sound_store_alone(tmp_path: Path) -> None:
    store = SessionStore.open(tmp_path / "a.db", NOW)
    store.commit(Batch(changes=[Change("a", "b", b"c")]))
    expected = store.load()
    store.close()
    SessionStore.open(tmp_path / "a.db", NOW, recreate=True).close()
    store = SessionStore.open(tmp_path / "a.db", NOW)
    assert store.load() == expected
    store.close()


def test_a_recreated_journal_goes_on_above_every_old_number(data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    journal.append([("a", "s", [StoredEvent(1, "k", "{}", NOW)])], NOW)
    journal.close()
    data.journal_db.write_bytes(b"x" * 5000)
    with pytest.raises(StoreCorrupt):
        open_journal(data.journal_url, NOW)
    journal = open_journal(data.journal_url, NOW, recreate=True)
    assert journal.append([("a", "s", [StoredEvent(1, "k", "{}", NOW)])], NOW) == int(NOW * 1000) + 1
    journal.close()
    again = open_journal(data.journal_url, NOW, recreate=True)
    assert again.last_number() == int(NOW * 1000) + 1
    again.close()


def test_a_wal_without_its_file_is_kept_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    (tmp_path / "a.db-wal").write_bytes(b"w" * 4000)
    with pytest.raises(StoreCorrupt, match="-wal"):
        SessionStore.open(path, NOW)
    assert (tmp_path / "corrupt" / f"a.db-{STAMP}-wal").read_bytes() == b"w" * 4000


def test_a_crash_while_setting_aside_does_not_lead_to_an_empty_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"x" * 5000)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            SessionStore.open(path, NOW)
    with pytest.raises(StoreCorrupt):
        SessionStore.open(path, NOW)
    with pytest.raises(StoreCorrupt):
        SessionStore.open(path, NOW)


def test_a_crash_while_making_a_store_leaves_no_store(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for suffix in (".new", ".new-wal", ".new-shm"):
        path.with_name(path.name + suffix).write_bytes(b"half made")
    SessionStore.open(path, NOW).close()
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


def test_a_store_of_another_kind_is_refused(data: DataDir) -> None:
    open_registry(data.registry_url, NOW).dispose()
    shutil.copy(data.registry_db, data.journal_db)
    with pytest.raises(StoreCorrupt, match="not a journal database"):
        open_journal(data.journal_url, NOW)
    shutil.copy(data.registry_db, data.session("a"))
    with pytest.raises(StoreCorrupt):
        SessionStore.open(data.session("a"), NOW)


def test_no_store_is_opened_twice_under_errors_of_the_check(tmp_path: Path) -> None:
    """A failing check closes what it opened: the file can be removed and made anew at once."""
    path = tmp_path / "a.db"
    path.write_bytes(b"x" * 5000)
    for _ in range(20):
        with pytest.raises(StoreError):
            SessionStore.open(path, NOW)
    sqlitefile.remove_store(path)
    SessionStore.open(path, NOW).close()
    assert not sqlitefile.marker_of(path).exists()


def test_the_schema_of_a_database_can_be_read_back(data: DataDir) -> None:
    engine = open_database(data.registry_url, schema.REGISTRY, NOW)
    with reading(engine) as db:
        row = db.execute(select(schema.schema_version)).one()
    assert (row.name, row.version) == ("registry", len(schema.REGISTRY.steps))
    engine.dispose()
