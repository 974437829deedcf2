"""The journal actor: gives events their global numbers, commits them in groups, acknowledges the senders.

An instance has at most one batch outstanding, so the buffer is bounded by the number of instances. A batch that could
not be stored is not acknowledged; its instance sends it again.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from actors.part import PartActor
from core.messages import (
    Address,
    EventBatch,
    EventsStored,
    JournalAdvanced,
    JournalBroken,
    JournalOpened,
    JournalSwept,
    OpenJournal,
    SweepJournal,
    WatchJournal,
)
from store import logs
from store.errors import StoreError
from store.layout import DataDir

if TYPE_CHECKING:
    from store.journal import Journal

GROUP_COMMIT_S = 0.01
TRIM_PAUSE_S = 0.2
WATCH_S = 15.0


class JournalActor(PartActor):
    part = "journal"

    def __init__(self) -> None:
        super().__init__()
        self._journal: Journal | None = None
        self._setup: OpenJournal | None = None
        self._batches: list[tuple[EventBatch, Address]] = []
        self._watchers: dict[str, tuple[Address, float]] = {}
        self._sweep: tuple[int, Address] | None = None
        self._dropped = 0
        self._failing = False

    def receiveMsg_OpenJournal(self, message: OpenJournal, sender: Address) -> None:
        self.begin(sender, message.log_dir, message.settings)
        self._setup = message
        if self._journal is not None:
            return
        # Imported here, SQLAlchemy is in this process alone; in the root it would be in all that are forked from it.
        from store.journal import open_journal

        try:
            data = DataDir(Path(message.data_dir))
            self._journal = open_journal(data.journal_url, time.time(), aside=data.corrupt)
            last = self._journal.last_number()
            if self._journal.replaces:
                text = f"The journal is in place of a damaged one: its events have numbers above {last}"
                logs.log_event("journal.replaced", text, "WARNING", last_number=last)
            self.send(sender, JournalOpened(last))
        except StoreError as error:
            self.send(sender, JournalBroken(str(error)))

    def receiveMsg_EventBatch(self, message: EventBatch, sender: Address) -> None:
        if not self._batches:
            self.wake_after(GROUP_COMMIT_S, "commit", 0)
        self._batches.append((message, sender))

    def receiveMsg_WatchJournal(self, message: WatchJournal, sender: Address) -> None:
        known = str(message.subscriber) in self._watchers
        self._watchers[str(message.subscriber)] = (message.subscriber, time.monotonic() + WATCH_S)
        if not known and self._journal is not None:
            self.send(message.subscriber, JournalAdvanced(self._journal.last_number()))

    def on_wake(self, name: str, epoch: int) -> None:
        if name == "commit":
            self._commit()
        elif name == "trim":
            self._trim()
        else:
            super().on_wake(name, epoch)

    def _commit(self) -> None:
        batches, self._batches = self._batches, []
        if self._journal is None or not batches:
            return
        try:
            last = self._journal.append(
                [(b.instance_id, b.stream, b.events) for b, _ in batches], time.time()
            )
        except StoreError as error:
            logs.logger().error("Events wait for the journal: %s", error)
            self._failing = True
            self.send(self._root, JournalBroken(str(error)))
            return
        if self._failing:
            self._failing = False
            self.send(self._root, JournalOpened(last))
        for batch, sender in batches:
            self.send(sender, EventsStored(batch.stream, batch.events[-1].number))
        self._push(last)

    def _push(self, last: int) -> None:
        now_s = time.monotonic()
        self._watchers = {key: one for key, one in self._watchers.items() if one[1] > now_s}
        for subscriber, _ in self._watchers.values():
            self.send(subscriber, JournalAdvanced(last))

    def receiveMsg_SweepJournal(self, message: SweepJournal, sender: Address) -> None:
        """Drop old events; a sweep that is still at it answers the newest question."""
        running, self._sweep = self._sweep is not None, (message.number, sender)
        if not running:
            self._trim()

    def _trim(self) -> None:
        """One bounded round after the other, with room for events between them, until all is as the settings say."""
        dropped, problem = self._trim_round()
        self._dropped += dropped
        if self._journal is not None and dropped >= self._journal.trimmed_at_most:
            return self.wake_after(TRIM_PAUSE_S, "trim", 0)
        if self._sweep is not None:
            (number, asker), self._sweep = self._sweep, None
            self.send(asker, JournalSwept(number, self._dropped, problem))
            self._dropped = 0
        return None

    def _trim_round(self) -> tuple[int, str]:
        """How many were dropped; why it failed, "" when it did not."""
        if self._journal is None or self._setup is None:
            return 0, "the journal is not open"
        events = self._setup.settings.events
        try:
            return self._journal.trim(time.time(), events.retain_days, events.max_mb * 1024 * 1024), ""
        except StoreError as error:
            return 0, f"journal: {error}"
