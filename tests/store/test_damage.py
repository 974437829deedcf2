"""Rows that were changed behind an open store's back."""

import sqlite3

import pytest

from core.instances import InstanceConfig
from core.records import InstanceRecord, StoredEvent
from store.codec import to_json
from store.errors import StoreCorrupt, StoreFailed, StoreFault
from store.journal import open_journal
from store.layout import DataDir
from store.registry import Registry, open_registry

NOW = 1_795_446_904.0


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
    journal.append([("a", "s", [StoredEvent(n, "k", to_json({"n": n}), NOW) for n in (1, 2, 3)])], NOW)
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


def test_the_rows_of_the_journal_are_checked_where_numbers_come_from(data: DataDir) -> None:
    journal = open_journal(data.journal_url, NOW)
    journal.append([("a", "s", [StoredEvent(1, "k", "{}", NOW)])], NOW)
    journal.close()
    raw = sqlite3.connect(data.journal_db)
    raw.execute("UPDATE counters SET value = 0 WHERE name = 'last_number'")
    raw.commit()
    raw.close()
    with pytest.raises(StoreCorrupt, match="counters"):
        open_journal(data.journal_url, NOW)
