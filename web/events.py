"""Server-sent events: replay from a position, then live, with heartbeats; each stream holds a worker thread.

So the number of streams is capped (a third of the pool), or a few dashboards would block every request.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator

from core.records import JournalEvent
from store.errors import StoreError
from store.paging import EventPage
from web.readmodel import ReadModel

log = logging.getLogger("sambung.web")

HEARTBEAT_S = 15.0
POLL_S = 1.0  # a quiet stream looks this often for its client, and for events that no push announced
BATCH = 200
RETRY = b"retry: 3000\n\n"
HEARTBEAT = b": heartbeat\n\n"

Read = Callable[[int, int], EventPage]


class StreamSlots:
    """How many streams may run at once."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._used = 0

    @property
    def used(self) -> int:
        return self._used

    def take(self) -> Callable[[], None] | None:
        """A function that gives the slot back (once; more calls do nothing), or None when all are taken."""
        with self._lock:
            if self._used >= self.limit:
                return None
            self._used += 1
        given_back = threading.Lock()

        def give_back() -> None:
            if given_back.acquire(blocking=False):
                with self._lock:
                    self._used -= 1

        return give_back


class EventStream:
    """The body of one stream. `after` None starts behind `start()`, the journal's end.

    `allowed` is asked at each heartbeat: a revoked or expired token ends the stream. `left` is asked at each turn: the
    first write to a client that has gone succeeds, so heartbeats alone would hold its slot for half a minute, while a
    browser comes back after three seconds. `release` is called once.
    """

    def __init__(
        self,
        model: ReadModel,
        read: Read,
        frame: Callable[[JournalEvent], bytes],
        *,
        after: int | None,
        start: Callable[[], int],
        allowed: Callable[[], bool],
        left: Callable[[], bool],
        release: Callable[[], None],
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._model = model
        self._read = read
        self._frame = frame
        self._allowed = allowed
        self._left = left
        self._release = release
        self._heartbeat_s = heartbeat_s
        self._closed = False
        try:
            self._position = start() if after is None else after
        except BaseException:
            release()
            raise

    def close(self) -> None:
        self._closed = True
        self._release()

    def __iter__(self) -> Iterator[bytes]:
        yield RETRY
        beat_at_s = time.monotonic() + self._heartbeat_s
        while not (self._closed or self._model.closed or self._left()):
            try:
                frames = self._next_frames()
            except StoreError as error:
                log.warning("an event stream ends, the journal cannot be read: %s", error)
                return  # the client comes again with the last id that it saw
            if frames:
                yield frames
                continue
            if time.monotonic() >= beat_at_s:
                if not self._allowed():
                    return
                beat_at_s = time.monotonic() + self._heartbeat_s
                yield HEARTBEAT
            self._wait(min(POLL_S, beat_at_s - time.monotonic()))

    def _next_frames(self) -> bytes:
        # Everything up to the announced number was readable before the query, whether or not the filter wants it.
        announced = self._model.journal_number
        found = self._read(self._position, BATCH)
        if found.items:
            self._position = found.items[-1].number
        if not found.more:
            self._position = max(self._position, announced)
        return b"".join(self._frame(event) for event in found.items)

    def _wait(self, timeout_s: float) -> None:
        position = self._position
        self._model.wait_for(lambda model: model.journal_number > position, max(0.0, timeout_s))
