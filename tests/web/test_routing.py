"""The route table and its dispatch."""

import pytest

from tests.web.conftest import World
from tests.web.fakes import snapshot
from web.errors import ApiError
from web.routes import ROUTES
from web.routing import Router, split_path

PATHS = sorted({route.path for route in ROUTES})
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW")


def allowed(path: str) -> set[str]:
    methods = {route.method for route in ROUTES if route.path == path}
    return methods | {"HEAD"} if "GET" in methods else methods


@pytest.mark.parametrize("path", PATHS)
def test_every_other_method_is_405_with_allow(world: World, path: str) -> None:
    concrete = path.replace("{instance_id}", "a").replace("{message_id}", "m").replace("{token_id}", "t")
    for method in set(METHODS) - allowed(path):
        reply = world.ask(method, concrete, token=None)
        assert (reply.status, reply.code) == (405, "method_not_allowed"), method
        assert set(reply.headers["Allow"].split(", ")) == allowed(path)


@pytest.mark.parametrize("path", [path for path in PATHS if "GET" in allowed(path)])
def test_head_answers_what_get_does(world: World, path: str) -> None:
    world.put(snapshot("a"))
    concrete = path.replace("{instance_id}", "a").replace("{message_id}", "m")
    get, head = world.ask("GET", concrete), world.ask("HEAD", concrete)
    assert get.status == head.status
    assert get.status in (200, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/circuit_breaker_status/a",
        "/force-retry",
        "/force-retry/a/b",
        "//health",
        "/api",
        "/api/v1",
        "/api/v2",
        "/HEALTH",
        "/api/v1/instances/a/GET",
        "/health/live/x",
        "/api/v1/instances/a/__class__",
    ],
)
def test_unknown_paths_are_404(world: World, path: str) -> None:
    reply = world.ask("GET", path)
    assert (reply.status, reply.code) == (404, "not_found")


def test_one_slash_at_the_end_does_not_count(world: World) -> None:
    assert world.ask("GET", "/health/", token=None).status == 200


@pytest.mark.parametrize("instance_id", ["a-b", "a.b", "a_b", "qr", "GET", "events", "9", "A" * 64])
def test_any_instance_id_reaches_its_instance(world: World, instance_id: str) -> None:
    world.put(snapshot(instance_id))
    assert world.ask("GET", f"/api/v1/instances/{instance_id}").body["data"]["id"] == instance_id
    assert world.ask("GET", f"/circuit-breaker-status/{instance_id}").status == 200
    assert world.ask("GET", f"/api/v1/instances/{instance_id}/events").status == 200


@pytest.mark.parametrize(
    "instance_id", ["..", "a..b", "-a", "A" * 65, "ä", "a b", "a%2Fb", "a/../b", " ", "\x00"]
)
def test_what_is_no_instance_id_is_404(world: World, instance_id: str) -> None:
    world.put(snapshot("a"))
    reply = world.ask("GET", f"/api/v1/instances/{instance_id}")
    assert reply.status == 404


def test_ids_are_case_exact(world: World) -> None:
    world.put(snapshot("Toko"))
    assert world.ask("GET", "/api/v1/instances/toko").status == 404


@pytest.mark.parametrize(
    ("path", "segments"),
    [("/", ()), ("", ()), ("/a", ("a",)), ("/a/", ("a",)), ("/a//b", ("a", "", "b")), ("//a", ("", "a"))],
)
def test_split_path(path: str, segments: tuple[str, ...]) -> None:
    assert split_path(path) == segments


def test_each_method_and_path_is_routed_once() -> None:
    keys = [(route.method, route.path) for route in ROUTES]
    assert len(keys) == len(set(keys))
    with pytest.raises(ApiError):
        Router(ROUTES).find("GET", "/x")
