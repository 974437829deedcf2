"""Event streams: replay, live, heartbeats, the cap, and every way to end."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.messages import JournalAdvanced
from core.records import JournalEvent, Scope
from store.errors import StoreFailed, StoreFault
from tests.web.conftest import DEADLINE_S, Live
from tests.web.fakes import snapshot
from web.api.events import frame
from web.events import HEARTBEAT, RETRY, EventStream, StreamSlots
from web.readmodel import ReadModel

ACCEPT = {"Accept": "text/event-stream"}


def eventually(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "not in time"
        time.sleep(0.005)


# ── the stream itself ────────────────────────────────────────────────────────────────────────────────────────────


class Tape:
    """A journal as a list; `stream` makes a stream over it."""

    def __init__(self) -> None:
        self.model = ReadModel()
        self.events: list[JournalEvent] = []
        self.released = 0
        self.allowed = True
        self.failure: Exception | None = None
        self.reads: list[int] = []

    def add(self, number: int) -> None:
        self.events.append(JournalEvent(number, "a", "k", {"n": number}, 0.0))

    def read(self, after: int, limit: int) -> list[JournalEvent]:
        self.reads.append(after)
        if self.failure:
            raise self.failure
        return [event for event in self.events if event.number > after][:limit]

    def stream(self, after: int | None = 0, heartbeat_s: float = DEADLINE_S) -> EventStream:
        return EventStream(
            self.model,
            self.read,
            frame,
            after=after,
            start=lambda: self.events[-1].number if self.events else 0,
            allowed=lambda: self.allowed,
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
            tape.model, tape.read, frame, after=None, start=fail, allowed=lambda: True, release=tape.release
        )
    assert tape.released == 2


# ── over HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def clean(request: pytest.FixtureRequest) -> Iterator[None]:
    if "live" not in request.fixturenames:
        yield
        return
    live: Live = request.getfixturevalue("live")
    live.history.journal.clear()
    live.put(snapshot("a"), snapshot("b"))
    yield
    eventually(lambda: live.site.streams.used == 0)


class Reader:
    """A client that reads one stream until it was closed."""

    def __init__(self, live: Live, path: str = "/api/v1/events", **headers: str) -> None:
        self._response = live.http.stream("GET", path, headers=live.auth() | ACCEPT | headers)
        self.reply = self._response.__enter__()
        self._lines = self.reply.iter_lines()
        if self.reply.status_code == 200:
            assert next(self._lines).startswith("retry:")  # its position is fixed from here on

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: Any) -> None:
        self._response.__exit__(None, None, None)

    def event(self) -> dict[str, Any]:
        for line in self._lines:
            if line.startswith("data: "):
                found = json.loads(line[6:])
                assert isinstance(found, dict)
                return found
        raise AssertionError("the stream ended")


def emit(live: Live, instance_id: str, kind: str) -> None:
    event = live.history.emit(instance_id, kind)
    live.root.box.put(JournalAdvanced(event.number))
    live.root.wake()


def end(live: Live, instance_id: str = "a", kind: str = "end") -> None:
    """A stream notices that its client left when it writes: give it something to write."""

    def ended() -> bool:
        emit(live, instance_id, kind)
        return live.site.streams.used == 0

    eventually(ended)


def test_live_events_arrive(live: Live) -> None:
    with Reader(live) as reader:
        assert reader.reply.headers["content-type"] == "text/event-stream"
        assert reader.reply.headers["cache-control"] == "no-store"
        assert live.site.streams.used == 1
        emit(live, "a", "first")
        assert reader.event()["kind"] == "first"
        emit(live, "b", "second")
        assert reader.event()["instance_id"] == "b"
    end(live)


def test_last_event_id_replays_what_was_missed_and_wins_over_after(live: Live) -> None:
    for kind in ("one", "two", "three"):
        live.history.emit("a", kind)
    listed = live.http.get("/api/v1/events", headers=live.auth()).json()["data"]
    with Reader(
        live, f"/api/v1/events?after={listed[1]['id']}", **{"Last-Event-ID": listed[0]["id"]}
    ) as reader:
        assert [reader.event()["kind"] for _ in range(2)] == ["two", "three"]
    end(live)
    with Reader(live, f"/api/v1/events?after={listed[1]['id']}") as reader:
        assert reader.event()["kind"] == "three"
    end(live)


def test_filters_and_limited_tokens_hold_for_streams(live: Live) -> None:
    token = live.history.add_token(Scope.READ, instances=["b"])
    with Reader(live, "/api/v1/events?kind=x,y", Authorization=f"Bearer {token}") as reader:
        assert live.site.streams.used == 1
        for instance_id, kind in (("a", "x"), ("b", "z"), ("b", "y")):
            emit(live, instance_id, kind)
        found = reader.event()
        assert (found["instance_id"], found["kind"]) == ("b", "y")
    end(live, "b", "x")


def test_one_instance_s_stream(live: Live) -> None:
    with Reader(live, "/api/v1/instances/b/events") as reader:
        assert live.site.streams.used == 1
        emit(live, "a", "x")
        emit(live, "b", "y")
        assert reader.event()["kind"] == "y"
    end(live, "b")


def test_streams_are_capped_to_a_third_of_the_pool_and_rest_goes_on(live: Live) -> None:
    limit = live.site.streams.limit
    assert limit == live.site.settings.now.http.threads // 3
    readers = [Reader(live) for _ in range(limit)]
    assert live.site.streams.used == limit
    refused = live.http.get("/api/v1/events", headers=live.auth() | ACCEPT)
    assert (refused.status_code, refused.json()["code"]) == (503, "streams_full")
    assert int(refused.headers["retry-after"]) > 0
    assert live.http.get("/health").status_code == 200
    assert live.http.get("/api/v1/events", headers=live.auth()).status_code == 200
    for reader in readers:
        reader.__exit__()
    end(live)
    with Reader(live) as reader:
        assert reader.reply.status_code == 200
    end(live)


def test_a_wrong_position_is_400_and_takes_no_slot(live: Live) -> None:
    reply = live.http.get("/api/v1/events", headers=live.auth() | ACCEPT | {"Last-Event-ID": "nonsense"})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_cursor")
    assert live.site.streams.used == 0


def test_head_of_a_stream_takes_no_slot(live: Live) -> None:
    reply = live.http.head("/api/v1/events", headers=live.auth() | ACCEPT)
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream")
    assert live.site.streams.used == 0


def test_a_stream_over_http_1_0_is_not_chunked(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) as sock:
        sock.sendall(
            f"GET /api/v1/events HTTP/1.0\r\nX-Api-Key: {live.admin}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        received = b""
        while RETRY not in received:
            received += sock.recv(4096)
    assert b"chunked" not in received.lower()
    end(live)
