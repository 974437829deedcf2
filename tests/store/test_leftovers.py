"""What processes leave in the data folder: session files without instance, crash files, crash records."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from core.instances import Desired, InstanceConfig
from core.records import CrashRecord, InstanceRecord
from store.errors import LockBusy, StoreFailed
from store.files import InstanceLock
from store.layout import DataDir
from store.leftovers import drop_crash_files, orphaned_sessions, purge_session, session_left
from store.registry import Registry, open_registry
from store.session import SessionStore

NOW = 1_795_446_904.0
DAY_S = 86_400.0


def plant(data: DataDir, *names: str) -> None:
    """Session files as a process makes them."""
    for name in names:
        SessionStore.open(data.session(name), NOW).close()
        InstanceLock.acquire(data.lock(name)).release()


# ── session files ────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_without_instance_are_listed_and_kept(data: DataDir) -> None:
    plant(data, "toko1", "gone", "a.db", "also-gone")
    assert orphaned_sessions(data, {"toko1"}) == ("a.db", "also-gone", "gone")
    assert data.session("gone").exists()


def test_a_file_whose_lock_is_held_is_somebodys(data: DataDir) -> None:
    plant(data, "gone")
    with InstanceLock.acquire(data.lock("gone")):
        assert orphaned_sessions(data, ()) == ()
    assert orphaned_sessions(data, ()) == ("gone",)


def test_other_files_are_none(data: DataDir) -> None:
    for name in (".hidden.db", "a.db.new", "a.lock", "b.db-wal", "..db"):
        (data.instances / name).write_bytes(b"x")
    assert orphaned_sessions(data, ()) == ()


@pytest.mark.parametrize("suffix", ["", "-wal", ".corrupt"])
def test_whatever_keeps_a_new_file_from_being_made_is_left_and_purged(data: DataDir, suffix: str) -> None:
    assert not session_left(data, "gone")
    (data.instances / f"gone.db{suffix}").write_bytes(b"x")
    assert session_left(data, "gone")
    assert purge_session(data, "gone") is True
    assert not session_left(data, "gone")


def test_purging_removes_the_store_and_leaves_the_lock_with_its_epoch(data: DataDir) -> None:
    plant(data, "gone")
    assert purge_session(data, "gone") is True
    assert sorted(one.name for one in data.instances.iterdir()) == ["gone.lock"]
    assert purge_session(data, "gone") is False
    with InstanceLock.acquire(data.lock("gone")) as lock:
        assert lock.epoch == 3


def test_a_file_in_use_is_not_purged(data: DataDir) -> None:
    plant(data, "gone")
    with InstanceLock.acquire(data.lock("gone")), pytest.raises(LockBusy):
        purge_session(data, "gone")
    assert data.session("gone").exists()


def test_what_is_no_instance_id_is_refused(data: DataDir) -> None:
    with pytest.raises(ValueError, match="no instance id"):
        purge_session(data, "../registry")
    assert data.root.exists()


# ── crash files ──────────────────────────────────────────────────────────────────────────────────────────────────


def ended_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def crash_file(folder: Path, pid: int, text: str, at: float = NOW) -> Path:
    path = folder / f"crash-{pid}.txt"
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def test_crash_files_of_ended_processes_go_when_empty_or_old(data: DataDir) -> None:
    dead = ended_pid()
    empty = crash_file(data.crash, dead, "")
    assert drop_crash_files(data.crash, NOW - 7 * DAY_S) == 1 and not empty.exists()
    fresh = crash_file(data.crash, dead, "Fatal Python error")
    assert drop_crash_files(data.crash, NOW - 7 * DAY_S) == 0 and fresh.exists()
    assert drop_crash_files(data.crash, NOW + 1) == 1 and not fresh.exists()


def test_the_file_of_a_living_process_stays(data: DataDir) -> None:
    own = crash_file(data.crash, os.getpid(), "")
    assert drop_crash_files(data.crash, NOW + 1) == 0
    assert own.exists()


def test_other_files_in_the_folder_stay(data: DataDir) -> None:
    other = data.crash / "notes.txt"
    other.write_text("")
    assert drop_crash_files(data.crash, NOW + 1) == 0
    assert other.exists()


def test_a_folder_that_is_gone_is_a_failure_or_empty(data: DataDir) -> None:
    data.instances.rename(data.root / "elsewhere")
    with pytest.raises(StoreFailed):
        orphaned_sessions(data, ())


# ── crash records ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def registry(data: DataDir) -> Registry:
    made = Registry(open_registry(data.registry_url, NOW))
    for name in ("toko1", "toko2"):
        made.save(InstanceRecord(name, InstanceConfig(url="ws://h/"), Desired.CONNECTED, NOW))
    return made


CRASH = CrashRecord("toko1", NOW, 7, "killed by SIGKILL", "open")


def test_old_crash_records_go_from_the_first_one_on(registry: Registry) -> None:
    for days in (40, 31, 30, 1):
        registry.add_crash(replace(CRASH, at=NOW - days * DAY_S))
    registry.add_crash(replace(CRASH, instance_id="toko2", at=NOW - 35 * DAY_S))
    assert registry.prune_crashes(NOW - 30 * DAY_S) == 2
    assert [one.at for one in registry.crashes("toko1")] == [NOW - DAY_S, NOW - 30 * DAY_S]
    # One behind a younger record waits for it: the numbers are the order, not the clock.
    assert len(registry.crashes("toko2")) == 1
    assert registry.prune_crashes(NOW) == 3


def test_crash_records_of_instances_that_are_gone_go_at_once(registry: Registry) -> None:
    registry.add_crash(replace(CRASH, instance_id="removed"))
    registry.add_crash(CRASH)
    assert registry.prune_crashes(NOW - 30 * DAY_S) == 1
    assert registry.crashes("removed") == () and len(registry.crashes("toko1")) == 1
    assert registry.prune_crashes(NOW - 30 * DAY_S) == 0


def test_the_ids_of_all_instances(registry: Registry) -> None:
    assert registry.ids() == {"toko1", "toko2"}
