"""GET /api/v1/instances: pages, filters, limited tokens."""

from typing import Any

import pytest

from core.records import Scope
from tests.web.conftest import World
from tests.web.fakes import snapshot


def pages(world: World, query: str = "", limit: int = 3, **kwargs: Any) -> tuple[list[str], int]:
    found: list[str] = []
    target, total = f"/api/v1/instances?limit={limit}{query}", -1
    while True:
        body = world.ask("GET", target, **kwargs).body
        found += [one["id"] for one in body["data"]]
        assert len(body["data"]) <= limit
        assert total in (-1, body["page"]["total"])
        total = body["page"]["total"]
        if body["page"]["next"] is None:
            return found, total
        target = f"/api/v1/instances?limit={limit}{query}&after={body['page']['next']}"


def test_pages_cover_the_list_once_in_order(world: World) -> None:
    names = sorted(f"i{number}" for number in range(10))
    world.put(*(snapshot(name) for name in names))
    assert pages(world) == (names, 10)
    assert pages(world, limit=10) == (names, 10)
    assert pages(world, limit=500) == (names, 10)


def test_a_page_goes_on_where_a_removed_instance_was(world: World) -> None:
    world.put(*(snapshot(name) for name in "abcd"))
    cursor = world.ask("GET", "/api/v1/instances?limit=2").body["page"]["next"]
    world.ask("DELETE", "/api/v1/instances/b")
    rest = world.ask("GET", f"/api/v1/instances?limit=2&after={cursor}").body["data"]
    assert [one["id"] for one in rest] == ["c", "d"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("&link_state=open", ["b"]),
        ("&breaker_state=half_open", ["toko2"]),
        ("&desired=disconnected", ["toko1"]),
        ("&q=toko", ["toko1", "toko2"]),
        ("&q=toko&desired=connected", ["toko2"]),
        ("&q=TOKO", []),
        ("&link_state=quarantined", []),
        ("&q=", ["b", "toko1", "toko2"]),
    ],
)
def test_filters(world: World, query: str, found: list[str]) -> None:
    world.put(
        snapshot("toko1", desired="disconnected"),
        snapshot("toko2", breaker_state="half_open"),
        snapshot("b", link_state="open"),
    )
    assert pages(world, query) == (found, len(found))


def test_a_limited_token_sees_its_instances_only(world: World) -> None:
    world.put(*(snapshot(name) for name in "abcd"))
    token = world.history.add_token(Scope.READ, instances=["b", "d", "zzz"])
    assert pages(world, limit=1, token=token) == (["b", "d"], 2)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "link_state=nonsense",
        "breaker_state=half-open",
        "desired=",
        "limit=501",
        "limit=x",
        "limit=1.5",
        "limit=-1",
        "limit=",
        "nope=1",
        "q=a&q=b",
        "limit=99999999",
    ],
)
def test_wrong_query_fields_are_422(world: World, query: str) -> None:
    reply = world.ask("GET", f"/api/v1/instances?{query}")
    assert (reply.status, reply.code) == (422, "invalid")
    assert reply.body["details"][0]["field"] in query


@pytest.mark.parametrize("cursor", ["x", "aTo", "ZTox", "%00", "====", "aTphOmI%ff", "a" * 3000])
def test_wrong_cursors_are_400(world: World, cursor: str) -> None:
    reply = world.ask("GET", f"/api/v1/instances?after={cursor}")
    assert (reply.status, reply.code) in {(400, "invalid_cursor"), (400, "bad_request")}
