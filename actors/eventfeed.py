"""An instance's unsent events on their way to the journal: one unacknowledged batch at a time.

The store holds the events; this decides when a batch leaves, when it is sent again, and how many wait. Times are
monotonic seconds.
"""

from collections.abc import Callable

from core.config import EventsSettings
from core.records import StoredEvent

Unsent = Callable[[int], tuple[str, tuple[StoredEvent, ...]]]


class EventFeed:
    """`last`: number of the newest event handed to the store; `acknowledged`: the journal has all up to it."""

    def __init__(
        self,
        unsent: Unsent,
        acknowledge: Callable[[int], None],
        send: Callable[[str, tuple[StoredEvent, ...]], None],
        last: int,
        acknowledged: int,
    ) -> None:
        self._unsent = unsent
        self._acknowledge = acknowledge
        self._send = send
        self.last = last
        self.acknowledged = acknowledged
        self._outstanding: tuple[int, float] | None = None

    @property
    def count(self) -> int:
        """Events that the journal has not acknowledged."""
        return self.last - self.acknowledged

    def pump(self, now_s: float, settings: EventsSettings) -> None:
        """Send the next batch when none is outstanding, or the same again when its answer is overdue."""
        if self.count == 0:
            return
        if self._outstanding is not None and now_s - self._outstanding[1] < settings.resend_s:
            return
        stream, events = self._unsent(settings.batch)
        if events:
            self._outstanding = (events[-1].number, now_s)
            self._send(stream, events)

    def stored(self, up_to: int, now_s: float, settings: EventsSettings) -> None:
        """The journal's answer."""
        self.acknowledged = max(self.acknowledged, min(up_to, self.last))
        self._acknowledge(self.acknowledged)
        if self._outstanding is not None and up_to >= self._outstanding[0]:
            self._outstanding = None
        self.pump(now_s, settings)

    def moved(self, now_s: float, settings: EventsSettings) -> None:
        """A new journal: what was outstanding may never be answered."""
        self._outstanding = None
        self.pump(now_s, settings)
