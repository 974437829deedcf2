"""Pages of the event journal."""

from typing import Any

import pytest

from core.records import Scope
from store.errors import StoreFailed, StoreFault
from tests.web.conftest import World
from tests.web.fakes import snapshot
from web import cursor


def kinds(body: dict[str, Any]) -> list[str]:
    return [one["kind"] for one in body["data"]]


def test_events_come_oldest_first_with_a_cursor_each(world: World) -> None:
    world.put(snapshot("a"))
    for number in range(5):
        world.history.emit("a", f"k{number}", n=number)
    first = world.ask("GET", "/api/v1/events?limit=2").body
    assert kinds(first) == ["k0", "k1"]
    assert first["page"]["total"] == 5
    assert first["data"][0] == {
        "id": first["data"][0]["id"],
        "instance_id": "a",
        "kind": "k0",
        "at": "2023-11-14T22:13:20.500Z",
        "data": {"n": 0},
    }
    assert kinds(world.ask("GET", f"/api/v1/events?limit=9&after={first['page']['next']}").body) == [
        "k2",
        "k3",
        "k4",
    ]
    assert kinds(world.ask("GET", f"/api/v1/events?after={first['data'][0]['id']}&limit=1").body) == ["k1"]
    assert first["page"]["next"] == first["data"][1]["id"]


def test_a_page_ends_where_its_events_get_too_large(world: World) -> None:
    for number in range(5):
        world.history.emit("a", f"k{number}", text="x" * (3 << 20))
    world.history.emit("a", "huge", text="x" * (9 << 20))
    pages, after = [], ""
    while after is not None:
        body = world.ask("GET", f"/api/v1/events?limit=500{after and '&after='}{after}").body
        pages.append(kinds(body))
        after = body["page"]["next"]
    assert pages == [["k0", "k1"], ["k2", "k3"], ["k4"], ["huge"]]


@pytest.mark.parametrize(
    ("accept", "streams"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream", True),
        ("application/json;q=0.5, text/event-stream; q=0.9", True),
        ("text/event-stream;charset=utf-8;q=0.001", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream; q=0.000, application/json", False),
        ("text/event-stream ; Q = 0", False),
        ("text/event-streams", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_only_who_accepts_a_stream_gets_one(world: World, accept: str, streams: bool) -> None:
    reply = world.ask("GET", "/api/v1/events", headers={"accept": accept})
    assert (reply.stream is not None) is streams
    if reply.stream is not None:
        reply.stream.close()
    assert world.site.streams.used == 0


def test_the_last_page_has_no_next(world: World) -> None:
    world.history.emit("a")
    body = world.ask("GET", "/api/v1/events?limit=1").body
    assert body["page"] == {"next": None, "total": 1}
    assert world.ask("GET", f"/api/v1/events?after={body['data'][0]['id']}").body["data"] == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["x", "y", "x"]),
        ("?instance=a", ["x", "y"]),
        ("?instance=a,b", ["x", "y", "x"]),
        ("?instance=zzz", []),
        ("?kind=x", ["x", "x"]),
        ("?kind=x,y&instance=a", ["x", "y"]),
    ],
)
def test_event_filters(world: World, query: str, found: list[str]) -> None:
    for instance_id, kind in (("a", "x"), ("a", "y"), ("b", "x")):
        world.history.emit(instance_id, kind)
    body = world.ask("GET", f"/api/v1/events{query}").body
    assert (kinds(body), body["page"]["total"]) == (found, len(found))


def test_events_of_one_instance(world: World) -> None:
    world.put(snapshot("a"))
    world.history.emit("a", "x")
    world.history.emit("b", "y")
    assert kinds(world.ask("GET", "/api/v1/instances/a/events").body) == ["x"]
    assert world.ask("GET", "/api/v1/instances/a/events?instance=b").status == 422


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/instances/a/events"])
def test_a_cursor_beyond_the_journals_end_is_refused_like_a_streams(world: World, path: str) -> None:
    world.put(snapshot("a"))
    last = world.history.emit("b").number
    assert world.ask("GET", f"{path}?after={cursor.encode('e', last)}").body["data"] == []
    beyond = cursor.encode("e", last + 1)
    reply = world.ask("GET", f"{path}?after={beyond}")
    assert (reply.status, reply.code) == (400, "invalid_cursor")
    assert reply.body["message"].startswith(
        f"after: the cursor '{beyond}' lies beyond the journal's end (allowed: "
    )
    world.site.model.journal_advanced(last + 1)  # announced: the journal only cannot show it yet
    assert world.ask("GET", f"{path}?after={beyond}").body["data"] == []


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/event-stream"}], ids=["page", "stream"])
def test_a_cursor_into_a_lost_journal_is_refused_in_words(world: World, headers: dict[str, str]) -> None:
    old = cursor.encode("e", world.history.emit("a").number)
    world.history.lost = {world.history.last}
    world.history.emit("a")
    reply = world.ask("GET", f"/api/v1/events?after={old}", headers=headers)
    assert (reply.status, reply.code) == (400, "invalid_cursor")
    assert reply.body["message"].startswith(
        f"after: the cursor '{old}' belongs to a journal that was damaged, and events behind it may be lost"
    )


def test_a_limited_token_reads_its_instances_events_only(world: World) -> None:
    world.history.emit("a", "mine")
    world.history.emit("b", "secret")
    token = world.history.add_token(Scope.READ, instances=["a"])
    for query in ("", "?instance=b", "?instance=a,b", "?kind=secret"):
        reply = world.ask("GET", f"/api/v1/events{query}", token=token)
        assert reply.status == 200
        assert b"secret" not in reply.raw


@pytest.mark.parametrize("query", ["kind=", "instance=,", "kind=" + ",".join(f"k{n}" for n in range(101))])
def test_wrong_event_filters(world: World, query: str) -> None:
    assert world.ask("GET", f"/api/v1/events?{query}").status == 422


def test_a_store_that_cannot_be_read_is_503_without_its_path(world: World) -> None:
    world.history.error = StoreFailed("/data/journal.db", StoreFault.IO, "disk I/O error")
    reply = world.ask("GET", "/api/v1/events")
    assert (reply.status, reply.code) == (503, "storage_failed")
    assert b"journal.db" not in reply.raw
