"""What stands in a damaged file's place, a copy or an empty store: others know more of the lost file than it does."""

import shutil
from pathlib import Path

import pytest

from core.records import StoredEvent
from store import session, sqlitefile
from store.database import writing
from store.errors import StoreCorrupt
from store.journal import Journal, open_journal
from store.layout import DataDir
from store.queries import Queries
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


ABOVE = int(NOW * 1000)


def grown(data: DataDir, last: int) -> Journal:
    """A journal after so many events, one per call."""
    journal = open_journal(data.journal_url, NOW, aside=data.corrupt)
    for number in range(1, last + 1):
        journal.append([("a", "s", [StoredEvent(number, "k", "{}", NOW)])], NOW)
    return journal


def lose(data: DataDir) -> None:
    damage(data.journal_db)
    with pytest.raises(StoreCorrupt):
        open_journal(data.journal_url, NOW, aside=data.corrupt)


def numbers(journal: Journal) -> list[int]:
    return [event.number for event in journal.read(0, 1000)]


def test_a_journal_begun_anew_by_the_operator_repeats_no_number(data: DataDir) -> None:
    grown(data, 3).close()
    lose(data)
    sqlitefile.marker_of(data.journal_db).unlink()
    journal = grown(data, 1)
    assert journal.replaces
    assert numbers(journal) == [ABOVE + 1]
    journal.close()
    again = grown(data, 0)
    assert (again.last_number(), again.replaces) == (ABOVE + 1, False)
    again.close()


def test_a_restored_journal_repeats_no_number(data: DataDir) -> None:
    journal = grown(data, 2)
    journal.close()
    shutil.copy(data.journal_db, data.root / "backup")
    grown(data, 5).close()
    lose(data)
    shutil.copy(data.root / "backup", data.journal_db)
    journal = grown(data, 3)
    assert journal.replaces
    assert numbers(journal) == [1, 2, ABOVE + 1]
    journal.close()
    assert not sqlitefile.marker_of(data.journal_db).exists()
    queries = Queries(data)
    lost = [number for number in (0, 1, 2, 3, 5, ABOVE, ABOVE + 1) if queries.is_lost(number)]
    assert lost == [3, 5, ABOVE]
    queries.close()


def test_a_journal_that_was_never_damaged_begins_at_one_and_has_lost_nothing(data: DataDir) -> None:
    queries = Queries(data)
    assert not queries.is_lost(1)
    journal = grown(data, 2)
    assert (numbers(journal), journal.replaces) == ([1, 2], False)
    assert not any(map(queries.is_lost, range(4)))
    journal.close()
    queries.close()


def test_a_crash_before_the_numbers_are_skipped_repeats_none(
    data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(data, 3).close()
    lose(data)
    sqlitefile.marker_of(data.journal_db).unlink()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "skip_to", crash)
        with pytest.raises(KeyboardInterrupt):
            open_journal(data.journal_url, NOW, aside=data.corrupt)
    journal = grown(data, 1)
    assert numbers(journal) == [ABOVE + 1]
    journal.close()
