"""Bits that flip and files that are cut: noticed at open, or without effect."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.effects import Change
from store import sqlitefile
from store.errors import StoreCorrupt, StoreTooNew
from store.session import Batch, SessionStore

NOW = 1_795_446_904.0


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


def test_a_flipped_bit_is_noticed_or_changes_nothing(sample: Any, memory_folder: Path) -> None:
    sample.make(memory_folder / "a.db")
    expected, data = sample.dump(memory_folder / "a.db"), (memory_folder / "a.db").read_bytes()
    rng = random.Random(2026)
    header, rest = range(100 * 8), range(100 * 8, len(data) * 8)
    outcomes = []
    # Each open of the registry costs ten times as much.
    count = 160 if sample.name == "session" else 70
    for number, bit in enumerate([*rng.sample(header, count // 2), *rng.sample(rest, count)]):
        folder = memory_folder / str(number)
        folder.mkdir()
        (folder / "a.db").write_bytes(flipped(data, bit))
        outcomes.append((bit, outcome(folder / "a.db", sample.dump, expected)))
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
    SessionStore.open(path, NOW).close()
    data = path.read_bytes()
    start = data.index(b"CREATE TABLE events") + len(b"CREATE TABLE ")
    for bit in range(start * 8, (start + 60) * 8, 3):
        path.write_bytes(flipped(data, bit))
        with pytest.raises(StoreCorrupt):
            SessionStore.open(path, NOW)
        sqlitefile.remove_store(path)


@pytest.mark.parametrize("keep", [0, 1, 99, 100, 4096, 5000], ids=lambda n: f"{n} bytes left")
def test_a_cut_file_is_noticed(sample: Any, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.db"
    sample.make(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreCorrupt):
        sample.dump(path)
