"""One event stream: replay, live, heartbeats, and every way to end."""

import json
import threading

import pytest

from core.records import JournalEvent
from store.errors import StoreFailed, StoreFault
from store.paging import EventPage
from tests.web.conftest import DEADLINE_S
from web.api.events import frame
from web.events import HEARTBEAT, RETRY, EventStream, StreamSlots
from web.readmodel import ReadModel

ACCEPT = {"Accept": "text/event-stream"}


class Tape:
    """A journal as a list; `stream` makes a stream over it."""

    def __init__(self) -> None:
        self.model = ReadModel()
        self.events: list[JournalEvent] = []
        self.released = 0
        self.allowed = True
        self.left = False
        self.fit = 1000  # how many events go into one batch by their size
        self.failure: Exception | None = None
        self.reads: list[int] = []

    def add(self, number: int) -> None:
        self.events.append(JournalEvent(number, "a", "k", {"n": number}, 0.0))

    def read(self, after: int, limit: int) -> EventPage:
        self.reads.append(after)
        if self.failure:
            raise self.failure
        found = [event for event in self.events if event.number > after]
        chosen = found[: min(limit, self.fit)]
        return EventPage(tuple(chosen), len(found) > len(chosen))

    def stream(self, after: int | None = 0, heartbeat_s: float = DEADLINE_S) -> EventStream:
        return EventStream(
            self.model,
            self.read,
            frame,
            after=after,
            start=lambda: self.events[-1].number if self.events else 0,
            allowed=lambda: self.allowed,
            left=lambda: self.left,
            release=self.release,
            heartbeat_s=heartbeat_s,
        )

    def release(self) -> None:
        self.released += 1


def numbers(chunk: bytes) -> list[int]:
    lines = [line for line in chunk.decode().splitlines() if line.startswith("data: ")]
    return [json.loads(line[6:])["data"]["n"] for line in lines]


def test_it_begins_with_how_long_to_wait_before_coming_back() -> None:
    assert next(iter(Tape().stream())) == RETRY


def test_replay_brings_everything_behind_the_position_in_order() -> None:
    tape = Tape()
    for number in range(1, 451):
        tape.add(number)
    chunks = iter(tape.stream(after=50))
    next(chunks)
    assert [n for _ in range(2) for n in numbers(next(chunks))] == list(range(51, 451))


def test_a_batch_that_was_cut_for_its_size_goes_on_behind_its_last_event() -> None:
    tape = Tape()
    tape.fit = 2
    for number in range(1, 6):
        tape.add(number)
    tape.model.journal_advanced(5)
    chunks = iter(tape.stream())
    next(chunks)
    assert [numbers(next(chunks)) for _ in range(3)] == [[1, 2], [3, 4], [5]]


def test_without_a_position_only_what_comes_is_sent() -> None:
    tape = Tape()
    tape.add(1)
    chunks = iter(tape.stream(after=None))
    next(chunks)
    tape.add(2)
    assert numbers(next(chunks)) == [2]


def test_a_push_wakes_the_stream() -> None:
    tape = Tape()
    chunks = iter(tape.stream(after=None))
    next(chunks)
    got: list[int] = []
    thread = threading.Thread(target=lambda: got.extend(numbers(next(chunks))))
    thread.start()
    tape.add(1)
    tape.model.journal_advanced(1)
    thread.join(DEADLINE_S)
    assert got == [1]


def test_numbers_that_the_filter_does_not_want_are_not_read_again() -> None:
    tape = Tape()
    tape.model.journal_advanced(1000)
    stream = tape.stream(after=0, heartbeat_s=0.0)
    chunks = iter(stream)
    next(chunks)
    assert next(chunks) == HEARTBEAT
    tape.model.journal_advanced(1001)
    next(chunks)
    assert tape.reads[0] == 0
    assert tape.reads[-1] >= 1000


def test_an_id_and_one_line_of_json_make_a_frame() -> None:
    event = JournalEvent(7, "a", "message.received", {"text": "two\nlines \u2028 ✅"}, 0.0)
    lines = frame(event).decode().split("\n")
    assert lines[0].startswith("id: ")
    assert json.loads(lines[1].removeprefix("data: "))["id"] == lines[0].removeprefix("id: ")
    assert lines[2:] == ["", ""]


def test_a_quiet_stream_beats() -> None:
    chunks = iter(Tape().stream(heartbeat_s=0.01))
    assert [next(chunks), next(chunks), next(chunks)] == [RETRY, HEARTBEAT, HEARTBEAT]


def test_a_revoked_token_ends_the_stream_at_the_next_heartbeat() -> None:
    tape = Tape()
    chunks = iter(tape.stream(heartbeat_s=0.01))
    assert [next(chunks), next(chunks)] == [RETRY, HEARTBEAT]
    tape.allowed = False
    assert list(chunks) == []


def test_a_client_that_left_ends_the_stream_though_nothing_happens() -> None:
    tape = Tape()
    chunks = iter(tape.stream())
    assert next(chunks) == RETRY
    tape.left = True
    assert list(chunks) == []


def test_stopping_the_server_ends_the_stream() -> None:
    tape = Tape()
    chunks = iter(tape.stream())
    next(chunks)
    thread = threading.Thread(target=lambda: list(chunks))
    thread.start()
    tape.model.close()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


def test_a_journal_that_cannot_be_read_ends_the_stream() -> None:
    tape = Tape()
    tape.failure = StoreFailed("journal.db", StoreFault.IO, "x")
    assert list(tape.stream()) == [RETRY]


def test_slots_are_given_back_once() -> None:
    slots = StreamSlots(2)
    first, second = slots.take(), slots.take()
    assert first and second
    assert slots.take() is None
    first()
    first()
    assert slots.used == 1
    assert slots.take() is not None
    assert slots.take() is None


def test_a_stream_that_never_started_gives_its_slot_back() -> None:
    tape = Tape()
    tape.stream().close()
    assert tape.released == 1

    def fail() -> int:
        raise StoreFailed("journal.db", StoreFault.IO, "x")

    with pytest.raises(StoreFailed):
        EventStream(
            tape.model,
            tape.read,
            frame,
            after=None,
            start=fail,
            allowed=lambda: True,
            left=lambda: False,
            release=tape.release,
        )
    assert tape.released == 2
