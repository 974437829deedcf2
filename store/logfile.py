"""A log handler for files that several processes share and one of them rotates.

Every record is one write() of whole lines on a file opened for appending. Around it the writer holds a shared lock
on the file and looks whether the name still leads to it; the rotator renames under the exclusive lock. So no line
is ever written to a file that was rotated away, and none is lost to the compression of it.
"""

import contextlib
import copy
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from store.redaction import redact

LOCK_TRIES = 50
LOCK_PAUSE_S = 0.001


class AppendHandler(logging.Handler):
    """Appends to `path`, follows rotation, never raises. `lost`: records that could not be written."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.lost = 0
        self._fd = -1
        self._pid = os.getpid()
        self._torn = False

    def emit(self, record: logging.LogRecord) -> None:
        # Whatever happens while logging, the caller's work is worth more than the line.
        try:
            text = redact(self._formatted(record))
            self._append(f"{text}\n".encode(errors="backslashreplace"))
        except Exception:
            self.lost += 1

    def close(self) -> None:
        self.acquire()
        try:
            self._close_file()
        finally:
            self.release()
            super().close()

    def _formatted(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record)
        # A text whose arguments do not fit it is still worth its line.
        except Exception:
            plain = copy.copy(record)
            plain.msg, plain.args = f"{record.msg} (its arguments do not fit)", None
            return self.format(plain)

    def _append(self, line: bytes) -> None:
        with self._current_file() as fd:
            data = b"\n" + line if self._torn else line
            written = os.write(fd, data)
            # A disk that filled up took a part: the next line must not continue it.
            self._torn = written < len(data)
            if self._torn:
                self.lost += 1

    @contextlib.contextmanager
    def _current_file(self) -> Iterator[int]:
        """The open file that `path` names now, under the shared lock."""
        while True:
            fd = self._opened()
            locked = _lock(fd)
            try:
                if self._is_current(fd):
                    yield fd
                    return
            finally:
                if locked:
                    fcntl.flock(fd, fcntl.LOCK_UN)
            self._close_file()

    def _opened(self) -> int:
        # A forked child shares the parent's open file, and with it the lock: it opens its own.
        if self._fd < 0 or self._pid != os.getpid():
            self._close_file()
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(self.path, flags, 0o600)
            self._pid = os.getpid()
        return self._fd

    def _is_current(self, fd: int) -> bool:
        try:
            named, opened = os.stat(self.path), os.fstat(fd)
        except FileNotFoundError:
            return False
        return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)

    def _close_file(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                os.close(fd)


def _lock(fd: int) -> bool:
    """Take the shared lock; give up after 50 ms: a rotator that was stopped must not stop everybody's logging."""
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S)
    return False


class ConsoleHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to stderr with secrets replaced; never raises."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: a closed terminal is no reason for anything."""
