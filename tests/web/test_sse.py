"""Event streams over HTTP: replay, filters, the cap, clients that leave."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from core.messages import JournalAdvanced
from core.records import Scope
from tests.web.conftest import DEADLINE_S, Live, eventually
from tests.web.fakes import snapshot
from web import cursor
from web.events import RETRY

ACCEPT = {"Accept": "text/event-stream"}
BACK_S = 3.0


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


def test_live_events_arrive(live: Live) -> None:
    with Reader(live) as reader:
        assert reader.reply.headers["content-type"] == "text/event-stream"
        assert reader.reply.headers["cache-control"] == "no-store"
        assert live.site.streams.used == 1
        emit(live, "a", "first")
        assert reader.event()["kind"] == "first"
        emit(live, "b", "second")
        assert reader.event()["instance_id"] == "b"


def test_last_event_id_replays_what_was_missed_and_wins_over_after(live: Live) -> None:
    for kind in ("one", "two", "three"):
        live.history.emit("a", kind)
    listed = live.http.get("/api/v1/events", headers=live.auth()).json()["data"]
    with Reader(
        live, f"/api/v1/events?after={listed[1]['id']}", **{"Last-Event-ID": listed[0]["id"]}
    ) as reader:
        assert [reader.event()["kind"] for _ in range(2)] == ["two", "three"]
    with Reader(live, f"/api/v1/events?after={listed[1]['id']}") as reader:
        assert reader.event()["kind"] == "three"


def test_filters_and_limited_tokens_hold_for_streams(live: Live) -> None:
    token = live.history.add_token(Scope.READ, instances=["b"])
    with Reader(live, "/api/v1/events?kind=x,y", Authorization=f"Bearer {token}") as reader:
        assert live.site.streams.used == 1
        for instance_id, kind in (("a", "x"), ("b", "z"), ("b", "y")):
            emit(live, instance_id, kind)
        found = reader.event()
        assert (found["instance_id"], found["kind"]) == ("b", "y")


def test_one_instance_s_stream(live: Live) -> None:
    with Reader(live, "/api/v1/instances/b/events") as reader:
        assert live.site.streams.used == 1
        emit(live, "a", "x")
        emit(live, "b", "y")
        assert reader.event()["kind"] == "y"


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
    eventually(lambda: live.site.streams.used == 0)
    with Reader(live) as reader:
        assert reader.reply.status_code == 200


def test_a_client_that_left_gives_its_slot_back_though_nothing_happens(live: Live) -> None:
    readers = [Reader(live) for _ in range(live.site.streams.limit)]
    for reader in readers:
        reader.__exit__()
    started_s = time.monotonic()
    eventually(lambda: live.site.streams.used == 0)
    assert time.monotonic() - started_s < BACK_S  # a browser comes again after three seconds
    with Reader(live) as reader:
        assert reader.reply.status_code == 200


def test_a_client_that_left_behind_bytes_that_nobody_reads_is_noticed(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) as sock:
        head = f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nX-Api-Key: {live.admin}\r\n"
        sock.sendall(f"{head}Accept: text/event-stream\r\n\r\nnobody reads this".encode())
        eventually(lambda: live.site.streams.used == 1)
    started_s = time.monotonic()
    eventually(lambda: live.site.streams.used == 0)
    assert time.monotonic() - started_s < BACK_S


def test_a_bug_while_streaming_ends_the_stream_and_is_logged(
    live: Live, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with Reader(live) as reader, caplog.at_level("ERROR", "sambung.web"):
        live.history.error = RuntimeError("a bug")
        emit(live, "a", "x")
        with pytest.raises((AssertionError, httpx.RemoteProtocolError)):
            reader.event()
    live.history.error = None
    eventually(lambda: live.site.streams.used == 0)
    assert "a bug" in caplog.text
    assert "a bug" not in capfd.readouterr().err
    assert live.http.get("/health").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/instances/a/events"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("position", ["nonsense", cursor.encode("i", 1), cursor.encode("e", 10**15)])
@pytest.mark.parametrize("where", ["Last-Event-ID", "after"])
def test_a_wrong_position_is_400_and_takes_no_slot(
    live: Live, path: str, method: str, position: str, where: str
) -> None:
    sent = {where: position} if where == "Last-Event-ID" else {}
    query = {"after": position} if where == "after" else {}
    reply = live.http.request(method, path, headers=live.auth() | ACCEPT | sent, params=query)
    assert reply.status_code == 400
    if method == "GET":
        (detail,) = reply.json()["details"]
        assert (reply.json()["code"], detail["field"]) == ("invalid_cursor", where)
        assert f"{where}: the cursor '{position}'" in reply.json()["message"]
        assert "allowed: " in reply.json()["message"]
    assert live.site.streams.used == 0


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/instances/a/events"])
def test_the_journals_last_number_is_a_position_whoever_it_belongs_to(live: Live, path: str) -> None:
    last = live.history.emit("b", "last").number
    with Reader(live, path, **{"Last-Event-ID": cursor.encode("e", last)}) as reader:
        assert reader.reply.status_code == 200


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
