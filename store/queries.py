"""Read-only access for the web process: tokens, crashes, journal, and the histories in session files.

Every method may be called from any thread. Connections are opened at the first question and cannot write. A store
that does not exist yet is empty; one that was damaged and set aside cannot be read.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine

from core.records import CrashRecord, MessageState, TimelineEntry, TokenRecord
from store import journalviews, sessionviews
from store.database import open_reader, reading, sqlite_path
from store.layout import DataDir
from store.paging import EventPage, Page
from store.registry import read_crash_page
from store.rows import MessageView
from store.sqlitefile import absent
from store.tokens import read_tokens, verify

TOKENS_AGE_S = 1.0


class Queries:
    """`clock`: monotonic seconds, for the age of cached tokens. Methods raise StoreFailed."""

    def __init__(
        self,
        data: DataDir,
        *,
        registry_url: str | None = None,
        journal_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._data = data
        self._registry = _Source(registry_url or data.registry_url)
        self._journal = _Source(journal_url or data.journal_url)
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: tuple[TokenRecord, ...] = ()
        self._tokens_until = float("-inf")

    def tokens(self) -> tuple[TokenRecord, ...]:
        """All tokens, as they were at most TOKENS_AGE_S ago."""
        with self._lock:
            now = self._clock()
            if now >= self._tokens_until:
                with self._registry.open() as db:
                    self._tokens = () if db is None else read_tokens(db)
                self._tokens_until = now + TOKENS_AGE_S
            return self._tokens

    def verify(self, value: str, now: float) -> TokenRecord | None:
        """The unexpired token with this value. `now`: epoch seconds."""
        return verify(value, self.tokens(), now)

    def forget_tokens(self) -> None:
        """Read the tokens anew at the next question: one of them was just changed."""
        with self._lock:
            self._tokens_until = float("-inf")

    def crashes(self, instance_id: str, after: str | None, limit: int) -> Page[CrashRecord]:
        """The kept crashes of an instance, newest first, behind the cursor `after`. Raises BadCursor."""
        with self._registry.open() as db:
            return Page((), None, 0) if db is None else read_crash_page(db, instance_id, after, limit)

    def events(
        self,
        after: int,
        limit: int,
        instances: Collection[str] | None = None,
        kinds: Collection[str] | None = None,
        max_bytes: int | None = None,
    ) -> EventPage:
        """At most `limit` journal events above `after`, in order; only of these instances and kinds, None = all.

        At least one, and then only as many as fit into `max_bytes` of data.
        """
        with self._journal.open() as db:
            if db is None:
                return EventPage((), False)
            return journalviews.read_page(db, after, limit, instances, kinds, max_bytes)

    def count_events(
        self, instances: Collection[str] | None = None, kinds: Collection[str] | None = None
    ) -> int:
        """How many events of these instances and kinds can be read; None = all."""
        with self._journal.open() as db:
            return 0 if db is None else journalviews.count_events(db, instances, kinds)

    def first_number(self) -> int | None:
        """The oldest journal number that can still be read, None when there is no event."""
        with self._journal.open() as db:
            return None if db is None else journalviews.first_number(db)

    def last_event(self) -> int:
        """The journal's last number ever, 0 before the first."""
        with self._journal.open() as db:
            return 0 if db is None else journalviews.last_number(db)

    def is_lost(self, number: int) -> bool:
        """Whether this journal number belongs to a journal that was damaged, and not to the one in its place."""
        with self._journal.open() as db:
            return db is not None and journalviews.is_lost(db, number)

    def timeline(self, instance_id: str, after: str | None, limit: int) -> Page[TimelineEntry]:
        """What happened to the link, newest first, behind the cursor `after`.

        Raises BadCursor, ValueError for what is no instance id.
        """
        return sessionviews.timeline(self._data.session(instance_id), after, limit)

    def messages(
        self, instance_id: str, state: MessageState | None, after: str | None, limit: int
    ) -> Page[MessageView]:
        """Accepted messages (of one state), newest first, behind the cursor `after`. Raises as `timeline` does."""
        return sessionviews.messages(self._data.session(instance_id), state, after, limit)

    def message(self, instance_id: str, message_id: str) -> MessageView | None:
        return sessionviews.message(self._data.session(instance_id), message_id)

    def close(self) -> None:
        self._registry.close()
        self._journal.close()


class _Source:
    """One database: opened lazily, and again when its file was replaced by another."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._path = sqlite_path(url)
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._file: tuple[int, int] | None = None

    @contextlib.contextmanager
    def open(self) -> Iterator[Connection | None]:
        """A consistent view; None when the database's file does not exist, StoreFailed when it was set aside."""
        engine = self._current()
        if engine is None:
            if self._path is not None:
                absent(self._path)
            yield None
            return
        with reading(engine) as connection:
            yield connection

    def close(self) -> None:
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = self._file = None

    def _current(self) -> Engine | None:
        with self._lock:
            file = _identity(self._path) if self._path else (0, 0)
            if self._engine is not None and file != self._file:
                self._engine.dispose()
                self._engine = None
            self._file = file
            if file is not None and self._engine is None:
                self._engine = open_reader(self._url)
            return self._engine


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
