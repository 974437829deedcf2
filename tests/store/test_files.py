"""Atomic files, lock files with an epoch, and the paths of a data folder."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from store.errors import LockBusy, StoreFailed, StoreFault
from store.files import InstanceLock, lock_holder, write_atomic
from store.layout import DataDir

DEADLINE_S = 20


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_written_file_is_whole_private_and_leaves_no_temp_file(tmp_path: Path) -> None:
    write_atomic(tmp_path / "key", b"one")
    write_atomic(tmp_path / "key", b"two")
    assert (tmp_path / "key").read_bytes() == b"two"
    assert mode(tmp_path / "key") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    write_atomic(tmp_path / "key", b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(StoreFailed) as failure:
        write_atomic(tmp_path / "key", b"new")
    assert failure.value.fault is StoreFault.FULL
    assert str(tmp_path / "key") in str(failure.value)
    assert (tmp_path / "key").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed) as failure:
        write_atomic(tmp_path / "no" / "key", b"x")
    assert failure.value.fault is StoreFault.MISSING


def test_a_lock_excludes_others_and_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with InstanceLock.acquire(path) as lock:
        assert lock.epoch == 1
        assert lock_holder(path) == os.getpid()
        with pytest.raises(LockBusy) as busy:
            InstanceLock.acquire(path)
        assert busy.value.holder_pid == os.getpid()
        assert str(os.getpid()) in str(busy.value)
    assert lock_holder(path) is None
    lock.release()
    assert mode(path) == 0o600


def test_each_acquisition_has_a_higher_epoch(tmp_path: Path) -> None:
    epochs = []
    for _ in range(3):
        with InstanceLock.acquire(tmp_path / "a.lock") as lock:
            epochs.append(lock.epoch)
    assert epochs == [1, 2, 3]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x00" * 32, b"12"], ids=repr)
def test_a_lock_file_without_readable_epoch_starts_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.lock").write_bytes(content)
    with InstanceLock.acquire(tmp_path / "a.lock") as lock:
        assert lock.epoch == 1


def hold(path: Path, ready: "multiprocessing.Queue[int]") -> None:
    lock = InstanceLock.acquire(path)
    ready.put(lock.epoch)
    multiprocessing.Event().wait(DEADLINE_S)


def test_a_killed_holder_frees_the_lock_and_the_epoch_goes_on(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Queue()
    holder = spawn.Process(target=hold, args=(tmp_path / "a.lock", ready))
    holder.start()
    try:
        assert ready.get(timeout=DEADLINE_S) == 1
        with pytest.raises(LockBusy) as busy:
            InstanceLock.acquire(tmp_path / "a.lock")
        assert busy.value.holder_pid == holder.pid
    finally:
        holder.kill()
        holder.join(DEADLINE_S)
    with InstanceLock.acquire(tmp_path / "a.lock") as lock:
        assert lock.epoch == 2


def test_a_lock_in_a_missing_folder_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match=r"no/a\.lock"):
        InstanceLock.acquire(tmp_path / "no" / "a.lock")


def test_the_holder_of_a_lock_that_does_not_exist_is_nobody(tmp_path: Path) -> None:
    assert lock_holder(tmp_path / "a.lock") is None


def test_folders_are_private_and_created_once(data: DataDir) -> None:
    data.create()
    for folder in (data.root, data.instances, data.run, data.crash, data.corrupt):
        assert mode(folder) == 0o700
    (data.root / "made-by-somebody").write_text("x")
    assert mode(data.root / "made-by-somebody") == 0o600


def test_an_existing_root_keeps_its_mode(data: DataDir) -> None:
    data.root.chmod(0o755)
    data.instances.chmod(0o755)
    data.create()
    assert mode(data.root) == 0o755
    assert mode(data.instances) == 0o700


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreFailed, match="file/data"):
        DataDir(tmp_path / "file" / "data").create()


def test_every_path_is_inside_the_folder_and_none_is_used_twice(data: DataDir) -> None:
    names = [name for name in dir(DataDir) if isinstance(getattr(DataDir, name), property)]
    paths = [getattr(data, name) for name in names if not name.endswith("_url")]
    paths += [data.session("a"), data.lock("a"), data.session("a.db"), data.lock("a.lock")]
    assert all(data.root in path.parents for path in paths)
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("instance_id", ["", "../x", "a/b", "a..b", ".a", "a\x00", "x" * 65])
def test_what_is_no_instance_id_has_no_path(data: DataDir, instance_id: str) -> None:
    for path_of in (data.session, data.lock):
        with pytest.raises(ValueError, match="instance id"):
            path_of(instance_id)


def test_urls_hold_the_absolute_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert DataDir(Path("data")).registry_url == f"sqlite:///{tmp_path}/data/registry.db"
    assert DataDir(Path("data")).journal_url == f"sqlite:///{tmp_path}/data/journal.db"
