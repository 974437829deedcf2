"""Damaged files: noticed at open, set aside, never replaced without the operator. Bits, cuts, leftovers."""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.effects import Change
from core.instances import InstanceConfig
from core.records import CrashRecord, InstanceRecord, OutboxMessage, Scope, StoredEvent, TimelineEntry
from store import schema, sessionviews, sqlitefile
from store.database import open_database, reading
from store.errors import StoreCorrupt, StoreError, StoreFailed, StoreFault, StoreTooNew
from store.journal import open_journal
from store.layout import DataDir
from store.registry import Registry, open_registry
from store.session import Batch, SessionStore
from store.tokens import TokenStore, new_token

NOW = 1_795_446_904.0
STAMP = "20261123T151504Z"


def make_session(path: Path) -> None:
    store = SessionStore.open(path, NOW)
    for number in range(40):
        store.commit(
            Batch(
                changes=[Change("keys", f"k{number}", bytes([number]) * (number * 9))],
                events=[("message.received", {"text": "x" * number}, NOW)],
                outbox=[OutboxMessage(f"m{number}", b"data" * number, NOW, NOW + 9)],
                timeline=[TimelineEntry(NOW + number, "link.open", "open", cause="c" * number)],
                link_state={"attempt": number},
            )
        )
    store.close()


def dump_session(path: Path) -> Any:
    store = SessionStore.open(path, NOW)
    try:
        loaded, unsent = store.load(), store.unsent(1000)
    finally:
        store.close()
    views = sessionviews.messages(path, None, None, 1000), sessionviews.timeline(path, None, 1000)
    return loaded, unsent, views


def make_registry(path: Path) -> None:
    engine = open_registry(f"sqlite:///{path}", NOW)
    registry, tokens = Registry(engine), TokenStore(engine)
    for number in range(40):
        config = InstanceConfig(url=f"ws://127.0.0.1:{number}/{'x' * number}")
        registry.save(InstanceRecord(f"i{number}", config, created_at=NOW))
        registry.add_crash(CrashRecord(f"i{number}", NOW, number, "signal 9", "open", stack="s" * number))
        tokens.save(new_token(f"t{number}", {Scope.READ}, [f"i{number}"], now=NOW)[1])
    engine.dispose()


def dump_registry(path: Path) -> Any:
    engine = open_registry(f"sqlite:///{path}", NOW)
    try:
        registry = Registry(engine)
        records = registry.load()
        return records, TokenStore(engine).list(), [registry.crashes(r.instance_id) for r in records]
    finally:
        engine.dispose()


STORES: dict[str, tuple[Callable[[Path], None], Callable[[Path], Any]]] = {
    "session": (make_session, dump_session),
    "registry": (make_registry, dump_registry),
}


@pytest.fixture(params=STORES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def outcome(path: Path, dump: Callable[[Path], Any], expected: Any) -> str:
    """What an open made of the file: 'refused', 'harmless', or what was read instead."""
    try:
        found = dump(path)
    except (StoreCorrupt, StoreTooNew):
        return "refused"
    return "harmless" if found == expected else f"read {found}"


def test_a_flipped_bit_is_noticed_or_changes_nothing(kind: str, memory_folder: Path) -> None:
    make, dump = STORES[kind]
    make(memory_folder / "a.db")
    expected, data = dump(memory_folder / "a.db"), (memory_folder / "a.db").read_bytes()
    rng = random.Random(2026)
    header, rest = range(100 * 8), range(100 * 8, len(data) * 8)
    outcomes = []
    # Each open of the registry costs ten times as much.
    count = 160 if kind == "session" else 70
    for number, bit in enumerate([*rng.sample(header, count // 2), *rng.sample(rest, count)]):
        folder = memory_folder / str(number)
        folder.mkdir()
        (folder / "a.db").write_bytes(flipped(data, bit))
        outcomes.append((bit, outcome(folder / "a.db", dump, expected)))
        shutil.rmtree(folder)
    assert [pair for pair in outcomes if pair[1] not in ("refused", "harmless")] == []
    assert sum(what == "refused" for _, what in outcomes) > count // 3


def test_every_bit_of_a_stored_value_is_covered(memory_folder: Path) -> None:
    path = memory_folder / "a.db"
    value = random.Random(1).randbytes(24)
    store = SessionStore.open(path, NOW)
    store.commit(Batch(changes=[Change("keys", "identity", value)]))
    store.close()
    data = path.read_bytes()
    start = data.index(b"keysidentity" + value)
    for bit in range(start * 8, (start + 12 + len(value)) * 8, 5):
        path.write_bytes(flipped(data, bit))
        with pytest.raises(StoreCorrupt):
            SessionStore.open(path, NOW)
        sqlitefile.remove_store(path)


def test_every_bit_of_a_tables_definition_is_covered(memory_folder: Path) -> None:
    """A column's name that changed by a bit would only show when the column is asked for."""
    path = memory_folder / "a.db"
    make_session(path)
    data = path.read_bytes()
    start = data.index(b"CREATE TABLE events") + len(b"CREATE TABLE ")
    for bit in range(start * 8, (start + 60) * 8, 3):
        path.write_bytes(flipped(data, bit))
        with pytest.raises(StoreCorrupt):
            SessionStore.open(path, NOW)
        sqlitefile.remove_store(path)


@pytest.mark.parametrize("keep", [0, 1, 99, 100, 4096, 5000], ids=lambda n: f"{n} bytes left")
def test_a_cut_file_is_noticed(kind: str, tmp_path: Path, keep: int) -> None:
    make, dump = STORES[kind]
    path = tmp_path / "a.db"
    make(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreCorrupt):
        dump(path)


def test_a_damaged_file_is_set_aside_and_both_places_are_named(kind: str, tmp_path: Path) -> None:
    make, dump = STORES[kind]
    path = tmp_path / "a.db"
    make(path)
    damaged = b"not a database" * 100
    path.write_bytes(damaged)
    with pytest.raises(StoreCorrupt) as refusal:
        dump(path)
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


def test_nothing_takes_a_damaged_files_place_by_itself(kind: str, tmp_path: Path) -> None:
    make, dump = STORES[kind]
    path = tmp_path / "a.db"
    path.write_bytes(b"x" * 5000)
    moved = []
    for _ in range(3):
        with pytest.raises(StoreCorrupt) as refusal:
            make(path)
        moved.append(refusal.value.moved_to)
        assert not path.exists()
    assert moved == [tmp_path / "corrupt" / f"a.db-{STAMP}"] * 3
    assert dump is not make


def test_two_damaged_files_of_one_second_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for content in (b"1" * 200, b"2" * 200):
        path.write_bytes(content)
        with pytest.raises(StoreCorrupt):
            SessionStore.open(path, NOW)
    kept = sorted((tmp_path / "corrupt").iterdir())
    assert [file.read_bytes()[:1] for file in kept] == [b"1", b"2"]


def test_the_operator_can_put_a_sound_copy_back(kind: str, tmp_path: Path) -> None:
    make, dump = STORES[kind]
    path = tmp_path / "a.db"
    make(path)
    expected = dump(path)
    shutil.copy(path, tmp_path / "backup")
    path.write_bytes(b"x" * 5000)
    with pytest.raises(StoreCorrupt):
        dump(path)
    shutil.copy(tmp_path / "backup", path)
    assert dump(path) == expected
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
    make_session(tmp_path / "a.db")
    expected = dump_session(tmp_path / "a.db")
    SessionStore.open(tmp_path / "a.db", NOW, recreate=True).close()
    assert dump_session(tmp_path / "a.db") == expected


def test_a_recreated_journal_goes_on_above_every_old_number(data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    journal.append([("a", "s", [StoredEvent(1, "k", {}, NOW)])], NOW)
    journal.close()
    data.journal_db.write_bytes(b"x" * 5000)
    with pytest.raises(StoreCorrupt):
        open_journal(data.journal_url, NOW)
    journal = open_journal(data.journal_url, NOW, recreate=True)
    assert journal.append([("a", "s", [StoredEvent(1, "k", {}, NOW)])], NOW) == int(NOW * 1000) + 1
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


def test_damage_found_while_running_is_told_from_other_failures(data: DataDir) -> None:
    """Rows that change under an open store are noticed when they are read."""
    engine = open_registry(data.registry_url, NOW)
    Registry(engine).save(InstanceRecord("a", InstanceConfig(url="ws://127.0.0.1:1")))
    raw = sqlite3.connect(data.registry_db)
    raw.execute("UPDATE instances SET body = replace(body, '127.0.0.1', '127.0.0.2')")
    raw.commit()
    raw.close()
    with pytest.raises(StoreFailed) as failure:
        Registry(engine).load()
    assert failure.value.fault is StoreFault.DAMAGED
    engine.dispose()
    with pytest.raises(StoreCorrupt):
        open_registry(data.registry_url, NOW)


def test_a_damaged_event_does_not_stop_the_journal(data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    journal.append([("a", "s", [StoredEvent(n, "k", {"n": n}, NOW) for n in (1, 2, 3)])], NOW)
    raw = sqlite3.connect(data.journal_db)
    raw.execute("UPDATE events SET data = '{\"n\":7}' WHERE number = 2")
    raw.commit()
    raw.close()
    found = journal.read(0, 9)
    assert [(e.number, e.kind, e.data) for e in found] == [
        (1, "k", {"n": 1}),
        (2, "journal.damaged", {}),
        (3, "k", {"n": 3}),
    ]
    journal.close()


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


def test_the_rows_of_the_journal_are_checked_where_numbers_come_from(data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    journal.append([("a", "s", [StoredEvent(1, "k", {}, NOW)])], NOW)
    journal.close()
    raw = sqlite3.connect(data.journal_db)
    raw.execute("UPDATE counters SET value = 0 WHERE name = 'last_number'")
    raw.commit()
    raw.close()
    with pytest.raises(StoreCorrupt, match="counters"):
        open_journal(data.journal_url, NOW)


def test_the_schema_of_a_database_can_be_read_back(data: DataDir) -> None:
    engine = open_database(data.registry_url, schema.REGISTRY, NOW)
    with reading(engine) as db:
        row = db.execute(select(schema.schema_version)).one()
    assert (row.name, row.version) == ("registry", len(schema.REGISTRY.steps))
    engine.dispose()
