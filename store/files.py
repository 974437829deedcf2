"""Files that are no database: written whole or not at all, and exclusive locks with an epoch.

Standard library only: instance processes import it.
"""

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from store.errors import LockBusy, StoreFailed, StoreFault

PRIVATE = 0o600


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed names in this folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_atomic(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Replace `path` by `data`: readers and crashes see the old content or the new, never a part.

    Temp file, fsync, rename, fsync of the folder. Raises StoreFailed, and leaves no temp file then.
    """
    with os_faults(path):
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(fd, "wb") as file:
                os.fchmod(fd, mode)
                file.write(data)
                file.flush()
                os.fsync(fd)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        sync_folder(path.parent)


@contextlib.contextmanager
def os_faults(path: Path) -> Iterator[None]:
    """Turn an OSError into StoreFailed naming `path` and what to do."""
    try:
        yield
    except OSError as error:
        raise StoreFailed(path, fault_of(error), error.strerror or type(error).__name__) from error


def fault_of(error: OSError) -> StoreFault:
    """What an errno means for a store."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            return StoreFault.FULL
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return StoreFault.READ_ONLY
        case errno.ENOENT | errno.ENOTDIR | errno.EISDIR:
            return StoreFault.MISSING
        case _:
            return StoreFault.IO


class InstanceLock:
    """An exclusive lock file, held as long as the process lives; used for instances and for the whole server.

    `epoch` grows with every acquisition: messages of an older holder can be told from the living one's. The file
    stays when the lock is released, for its epoch must never go back. It belongs to the open file, so a forked
    child that does not exec would keep it: acquire it in the process that is to hold it.
    """

    def __init__(self, path: Path, fd: int, epoch: int) -> None:
        self.path = path
        self.epoch = epoch
        self._fd = fd

    @classmethod
    def acquire(cls, path: Path) -> "InstanceLock":
        """Take the lock at once; raises LockBusy (with the holder's pid) or StoreFailed."""
        with os_faults(path):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                epoch = _read(fd)[0] + 1
                # Fixed width, written in place: no moment at which a reader or a crash finds the file empty.
                os.pwrite(fd, f"{epoch:020d} {os.getpid():010d}\n".encode(), 0)
            except BlockingIOError:
                pid = _read(fd)[1]
                os.close(fd)
                raise LockBusy(path, pid) from None
            except BaseException:
                os.close(fd)
                raise
        return cls(path, fd, epoch)

    def release(self) -> None:
        """Give the lock up; a second call does nothing."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _read(fd: int) -> tuple[int, int | None]:
    """Epoch and holder's pid in a lock file; (0, None) when there are none, as after a power cut."""
    try:
        epoch, pid = os.pread(fd, 64, 0).split()
        return int(epoch), int(pid)
    except ValueError:
        return 0, None


def lock_holder(path: Path) -> int | None:
    """The pid that holds this lock now; None when nobody does. Takes nothing, so it may be asked at any time."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _read(fd)[1]
    finally:
        os.close(fd)
