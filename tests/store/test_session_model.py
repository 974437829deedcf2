"""Any sequence of writes, crashes and reopenings of a session file behaves as a dictionary and three lists do."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.effects import Change
from core.records import MessageOutcome, MessageState, OutboxMessage, TimelineEntry
from store import sessionviews
from store.codec import Unstorable, from_json
from store.errors import MessageConflict
from store.rows import view_of
from store.session import Batch, SessionStore

KEYS = st.sampled_from(["a", "b", "c", ""])
VALUES = st.none() | st.binary(max_size=40)
CHANGES = st.lists(st.builds(Change, KEYS, KEYS, VALUES), max_size=5)
DATA = st.dictionaries(st.text(max_size=4), st.integers() | st.text(st.characters(), max_size=5), max_size=3)
EVENTS = st.lists(st.tuples(st.sampled_from(["x.y", "é"]), DATA, st.floats(0, 2e9)), max_size=5)
IDS = st.sampled_from(["m1", "m2", "m3", "m4"])
STATES = st.sampled_from(list(MessageState))
LINK = st.none() | st.dictionaries(st.text(max_size=3), st.integers(-9, 9) | st.floats(0, 9), max_size=3)

# Hundreds of stores are made: where fsync costs nothing.
MEMORY = Path("/dev/shm")


class SessionModel(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        self.path = self.folder / "a.db"
        self.store = SessionStore.open(self.path, 0.0)
        self.entries: dict[tuple[str, str], bytes] = {}
        self.events: list[tuple[int, str, Any, float]] = []
        self.next = 1
        self.outbox: dict[str, OutboxMessage] = {}
        self.timeline: list[float] = []
        self.link: dict[str, Any] | None = None
        self.streams = {self.store.stream}

    @rule(changes=CHANGES, events=EVENTS, link=LINK, ticks=st.lists(st.floats(0, 2e9), max_size=3))
    def commit(self, changes: list[Change], events: Any, link: Any, ticks: list[float]) -> None:
        entries = [TimelineEntry(at, "e", "s") for at in ticks]
        self.store.commit(Batch(changes=changes, events=events, timeline=entries, link_state=link))
        for change in changes:
            if change.value is None:
                self.entries.pop((change.space, change.key), None)
            else:
                self.entries[change.space, change.key] = change.value
        for kind, data, at in events:
            self.events.append((self.next, kind, data, at))
            self.next += 1
        self.timeline += ticks
        self.link = self.link if link is None else link

    @rule(changes=CHANGES, events=EVENTS)
    def commit_what_cannot_be_stored(self, changes: list[Change], events: Any) -> None:
        try:
            self.store.commit(Batch(changes=changes, events=[*events, ("k", {"v": object()}, 1.0)]))
            raise AssertionError("an object was stored")
        except Unstorable:
            pass

    @rule(message_id=IDS, data=st.sampled_from([b"1", b"2"]), at=st.integers(0, 9))
    def add_message(self, message_id: str, data: bytes, at: int) -> None:
        message, known = OutboxMessage(message_id, data, at, at + 1), self.outbox.get(message_id)
        try:
            assert self.store.add_message(message) == (known or message)
            assert known is None or known.data == data
            self.outbox.setdefault(message_id, message)
        except MessageConflict:
            assert known is not None and known.data != data

    @rule(message_id=IDS, state=STATES, tries=st.integers(0, 3))
    def finish(self, message_id: str, state: MessageState, tries: int) -> None:
        known = self.outbox.get(message_id)
        if known is not None:
            outcome = MessageOutcome(message_id, state, float(tries), tries, "é" * tries)
            self.store.commit(Batch(outcomes=[outcome]))
            self.outbox[message_id] = replace(
                known, state=state, tries=tries, finished_at=float(tries), error="é" * tries
            )
        else:
            self.store.commit(Batch(outcomes=[MessageOutcome(message_id, state, 1.0, tries)]))

    @rule(ahead=st.integers(0, 4))
    def acknowledge(self, ahead: int) -> None:
        if self.events:
            number = self.events[min(ahead, len(self.events) - 1)][0]
            self.store.acknowledge(number)
            self.events = [event for event in self.events if event[0] > number]

    @rule(finished=st.integers(0, 3), timeline=st.integers(0, 3))
    def prune(self, finished: int, timeline: int) -> None:
        self.store.prune(finished, timeline)
        done = [key for key, message in self.outbox.items() if message.state is not MessageState.ACCEPTED]
        for key in done[: max(0, len(done) - finished)]:
            del self.outbox[key]
        self.timeline = self.timeline[max(0, len(self.timeline) - timeline) :]

    @rule()
    def copy(self) -> None:
        self.store.begin_anew()
        self.streams.add(self.store.stream)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = SessionStore.open(self.path, 0.0)

    @rule()
    def crash(self) -> None:
        """The files as a killed process leaves them, acknowledgements that were not written included."""
        crashed = self.folder / "crashed"
        crashed.mkdir()
        for file in self.folder.glob("a.db*"):
            shutil.copy(file, crashed)
        self.store.close()
        for file in self.folder.glob("a.db*"):
            file.unlink()
        for file in crashed.iterdir():
            shutil.move(file, self.folder)
        crashed.rmdir()
        self.store = SessionStore.open(self.path, 0.0)
        if self.events:
            self.store.acknowledge(self.events[0][0] - 1)
        else:
            self.store.acknowledge(self.next - 1)

    @invariant()
    def same(self) -> None:
        loaded = self.store.load()
        assert loaded.entries == self.entries
        assert loaded.link_state == self.link
        assert loaded.next_event_number == self.next
        assert loaded.stream == self.store.stream and loaded.stream in self.streams
        assert [one.message_id for one in loaded.pending] == [
            one.message_id for one in self.outbox.values() if one.state is MessageState.ACCEPTED
        ]
        unsent = self.store.unsent(1000)[1]
        assert [(e.number, e.kind, from_json(e.data), e.at) for e in unsent] == self.events
        assert self.store.unsent_count() == len(self.events)

    @invariant()
    def same_for_readers(self) -> None:
        shown = sessionviews.messages(self.path, None, None, 100)
        assert list(shown.items) == [view_of(one) for one in self.outbox.values()][::-1]
        assert [entry.at for entry in sessionviews.timeline(self.path, None, 100).items] == self.timeline[
            ::-1
        ]
        assert {key: self.store.message(key) for key in self.outbox} == self.outbox

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)


TestSessionModel = SessionModel.TestCase
TestSessionModel.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
