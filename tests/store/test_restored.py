"""A copy in a damaged file's place: it is older than what others know of the lost file, and says so."""

import shutil
from pathlib import Path

import pytest

from store import session, sqlitefile
from store.database import writing
from store.errors import StoreCorrupt
from store.journal import Journal, open_journal
from store.layout import DataDir
from store.registry import open_registry
from store.session import Batch, SessionStore

NOW = 1_795_446_904.0


def emit(store: SessionStore, *names: str) -> None:
    store.commit(Batch(events=[("k", {"n": name}, NOW) for name in names]))


def hand_on(store: SessionStore, journal: Journal) -> None:
    """As an instance and its journal do it."""
    stream, batch = store.unsent(256)
    journal.append([("a", stream, batch)], NOW)
    store.acknowledge(batch[-1].number)


def names(journal: Journal) -> list[str]:
    return [event.data["n"] for event in journal.read(0, 1000)]


def damage(path: Path) -> None:
    path.write_bytes(b"x" * 5000)


@pytest.fixture
def restored(data: DataDir) -> tuple[Path, Journal, str]:
    """A session file whose copy knows one event of three; its journal, which has all; the stream it had."""
    path, journal = data.session("a"), open_journal(data.journal_url, NOW)
    store = SessionStore.open(path, NOW)
    emit(store, "one")
    hand_on(store, journal)
    store.close()
    shutil.copy(path, data.root / "backup")
    store = SessionStore.open(path, NOW)
    emit(store, "two", "three")
    hand_on(store, journal)
    store.close()
    damage(path)
    with pytest.raises(StoreCorrupt):
        SessionStore.open(path, NOW)
    shutil.copy(data.root / "backup", path)
    return path, journal, store.stream


def test_what_a_restored_instance_emits_reaches_the_journal(restored: tuple[Path, Journal, str]) -> None:
    path, journal, before = restored
    store = SessionStore.open(path, NOW)
    assert store.restored and store.stream != before
    emit(store, "four")
    hand_on(store, journal)
    assert names(journal) == ["one", "two", "three", "four"]
    store.close()
    again = SessionStore.open(path, NOW)
    assert (again.stream, again.restored) == (store.stream, False)
    again.close()


def test_a_crash_before_the_new_stream_is_durable_leaves_the_marker(
    restored: tuple[Path, Journal, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, before = restored

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(session.sessionschema, "put_meta", crash)
        with pytest.raises(KeyboardInterrupt):
            SessionStore.open(path, NOW)
    assert sqlitefile.marker_of(path).exists()
    store = SessionStore.open(path, NOW)
    assert store.restored and store.stream != before
    store.close()
    assert not sqlitefile.marker_of(path).exists()


def test_a_new_file_and_a_sound_one_are_no_copies(data: DataDir) -> None:
    for _ in range(2):
        store = SessionStore.open(data.session("a"), NOW)
        assert not store.restored
        store.close()
    damage(data.session("a"))
    store = SessionStore.open(data.session("a"), NOW, recreate=True)
    assert not store.restored
    store.close()


def test_a_restored_registry_is_used_as_it_is(data: DataDir) -> None:
    open_registry(data.registry_url, NOW).dispose()
    shutil.copy(data.registry_db, data.root / "backup")
    damage(data.registry_db)
    with pytest.raises(StoreCorrupt):
        open_registry(data.registry_url, NOW)
    shutil.copy(data.root / "backup", data.registry_db)
    engine = open_registry(data.registry_url, NOW)
    with writing(engine):
        assert not sqlitefile.marker_of(data.registry_db).exists()
    engine.dispose()
