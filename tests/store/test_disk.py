"""A full disk, a read-only one, and a failing write: typed failures, old state intact, work goes on afterwards."""

import contextlib
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.effects import Change
from core.instances import InstanceConfig
from core.records import InstanceRecord, StoredEvent
from store.codec import to_json
from store.errors import StoreFailed, StoreFault
from store.files import InstanceLock, write_atomic
from store.journal import open_journal
from store.registry import Registry, open_registry
from store.session import Batch, SessionStore

NOW = 1_795_446_904.0


def filled_by(store: SessionStore) -> StoreFailed:
    """Commit until the disk is full; the failure."""
    for number in range(1000):
        try:
            store.commit(
                Batch(
                    changes=[Change("s", "last", b"%d" % number), Change("s", f"k{number}", b"x" * 20_000)],
                    events=[("k", {"n": number}, NOW)],
                )
            )
        except StoreFailed as failure:
            return failure
    raise AssertionError("the disk never filled up")


def test_a_full_disk_keeps_the_old_session_and_work_goes_on(small_disk: Path) -> None:
    path = small_disk / "a.db"
    (small_disk / "ballast").write_bytes(b"x" * 700_000)
    store = SessionStore.open(path, NOW)
    failure = filled_by(store)
    assert failure.fault is StoreFault.FULL
    assert str(path) in str(failure) and "free space" in str(failure)
    before = store.load()
    done = before.next_event_number - 1
    assert done > 3
    assert before.entries["s", "last"] == b"%d" % (done - 1)
    assert [event.number for event in store.unsent(1000)[1]] == list(range(1, done + 1))
    with pytest.raises(StoreFailed):
        store.commit(Batch(changes=[Change("s", "big", b"x" * 300_000)]))
    assert store.load() == before
    (small_disk / "ballast").unlink()
    store.commit(Batch(changes=[Change("s", f"k{number}", None) for number in range(done)]))
    store.close()
    again = SessionStore.open(path, NOW)
    assert again.load().entries == {("s", "last"): b"%d" % (done - 1)}
    again.close()


def test_a_full_disk_keeps_the_registry_and_the_journal(small_disk: Path) -> None:
    engine = open_registry(f"sqlite:///{small_disk}/registry.db", NOW)
    journal = open_journal(f"sqlite:///{small_disk}/journal.db", NOW)
    registry = Registry(engine)
    registry.save(InstanceRecord("a", InstanceConfig(url="ws://127.0.0.1:1")))
    journal.append([("a", "s", [StoredEvent(1, "k", "{}", NOW)])], NOW)
    (small_disk / "ballast").write_bytes(b"")
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb") as file:
        for _ in range(2000):
            file.write(b"x" * 4096)
            file.flush()
    with pytest.raises(StoreFailed) as refused:
        registry.save(InstanceRecord("b", InstanceConfig(url=f"ws://127.0.0.1/{'x' * 60_000}")))
    assert refused.value.fault is StoreFault.FULL
    with pytest.raises(StoreFailed) as failure:
        journal.append([("a", "s", [StoredEvent(2, "k", to_json({"x": "y" * 60_000}), NOW)])], NOW)
    assert failure.value.fault is StoreFault.FULL
    assert [record.instance_id for record in registry.load()] == ["a"]
    assert journal.last_number() == 1
    (small_disk / "ballast").unlink()
    assert journal.append([("a", "s", [StoredEvent(2, "k", "{}", NOW)])], NOW) == 2
    registry.save(InstanceRecord("b", InstanceConfig(url="ws://127.0.0.1:1")))
    assert len(registry.load()) == 2
    journal.close()
    engine.dispose()


def test_a_store_that_cannot_be_made_leaves_nothing_behind(small_disk: Path) -> None:
    with contextlib.suppress(OSError), (small_disk / "ballast").open("wb") as file:
        for _ in range(2000):
            file.write(b"x" * 4096)
            file.flush()
    with pytest.raises(StoreFailed) as failure:
        SessionStore.open(small_disk / "a.db", NOW)
    assert failure.value.fault is StoreFault.FULL
    assert not (small_disk / "a.db").exists()
    with pytest.raises(StoreFailed):
        write_atomic(small_disk / "key", b"x" * 10_000)
    (small_disk / "ballast").unlink()
    SessionStore.open(small_disk / "a.db", NOW).close()
    assert sorted(file.name for file in small_disk.iterdir()) == ["a.db"]


def test_a_read_only_disk_is_named_as_such(small_disk: Path) -> None:
    path = small_disk / "a.db"
    SessionStore.open(path, NOW).close()
    open_registry(f"sqlite:///{small_disk}/registry.db", NOW).dispose()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for action in (
        lambda: SessionStore.open(path, NOW),
        lambda: SessionStore.open(small_disk / "new.db", NOW),
        lambda: open_registry(f"sqlite:///{small_disk}/registry.db", NOW),
        lambda: InstanceLock.acquire(small_disk / "a.lock"),
        lambda: write_atomic(small_disk / "key", b"x"),
    ):
        with pytest.raises(StoreFailed) as failure:
            action()
        assert failure.value.fault is StoreFault.READ_ONLY, failure.value
    assert not (small_disk / "corrupt").exists()


@contextlib.contextmanager
def files_limited_to(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond: the kernel refuses the write in the middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_the_kernel_refuses_changes_nothing(tmp_path: Path) -> None:
    store = SessionStore.open(tmp_path / "a.db", NOW)
    store.commit(Batch(changes=[Change("s", "k", b"old")], events=[("k", {}, NOW)]))
    with files_limited_to(100_000):
        failure = filled_by(store)
    assert failure.fault in (StoreFault.FULL, StoreFault.IO)
    before = store.load()
    assert before.entries["s", "k"] == b"old"
    store.commit(Batch(changes=[Change("s", "k", b"new")], events=[("k", {}, NOW)]))
    store.close()
    again = SessionStore.open(tmp_path / "a.db", NOW)
    assert again.load().entries == {**before.entries, ("s", "k"): b"new"}
    assert again.load().next_event_number == before.next_event_number + 1
    again.close()
