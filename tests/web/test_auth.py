"""Who may do what: every route against every kind of token."""

import time

import pytest

from core.config import AuthSettings
from core.records import Scope
from tests.web.conftest import CLI_TOKEN, World
from tests.web.fakes import snapshot
from web.peer import client_address, is_loopback
from web.routes import ROUTES
from web.routing import Access, Route

PROTECTED = [route for route in ROUTES if route.access is Access.NOBODY]
IDS = [f"{route.method} {route.path}" for route in PROTECTED]


def target(route: Route, instance_id: str = "a") -> str:
    path = route.path.replace("{instance_id}", instance_id)
    return path.replace("{message_id}", "m").replace("{token_id}", "t").replace("{session}", "s")


@pytest.mark.parametrize("route", PROTECTED, ids=IDS)
def test_without_a_token_it_is_401_and_nothing_happens(world: World, route: Route) -> None:
    world.put(snapshot("a"))
    told = len(world.root.told)
    reply = world.ask(route.method, target(route), token=None)
    assert (reply.status, reply.code) == (401, "unauthorized")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert not [one for one in world.root.told[told:] if hasattr(one, "instance_id")]


@pytest.mark.parametrize("route", PROTECTED, ids=IDS)
def test_a_token_with_the_wrong_rights_is_403(world: World, route: Route) -> None:
    world.put(snapshot("a"))
    wrong = {Scope.READ, Scope.OPERATE, Scope.SEND} - set(route.scopes)
    reply = world.ask(route.method, target(route), token=world.history.add_token(*wrong))
    assert (reply.status, reply.code) == (403, "forbidden")


@pytest.mark.parametrize("route", PROTECTED, ids=IDS)
def test_a_token_with_the_right_passes_the_checks(world: World, route: Route) -> None:
    world.put(snapshot("a"))
    reply = world.ask(route.method, target(route), token=world.history.add_token(route.scopes[0]))
    assert reply.status not in (401, 403)


@pytest.mark.parametrize(
    "route", [route for route in PROTECTED if "{instance_id}" in route.path], ids=lambda route: route.path
)
def test_a_limited_token_gets_404_for_other_instances(world: World, route: Route) -> None:
    world.put(snapshot("a"), snapshot("b"))
    token = world.history.add_token(Scope.ADMIN, instances=["b"])
    told = len(world.root.told)
    reply = world.ask(route.method, target(route), token=token)
    assert (reply.status, reply.code) == (404, "instance_not_found")
    assert not [one for one in world.root.told[told:] if hasattr(one, "instance_id")]


@pytest.mark.parametrize(
    "route", [route for route in PROTECTED if route.fleet_wide], ids=lambda route: route.path
)
def test_a_limited_token_may_not_touch_what_concerns_all(world: World, route: Route) -> None:
    token = world.history.add_token(Scope.ADMIN, instances=["a"])
    assert world.ask(route.method, target(route), token=token).status == 403


def test_a_limited_token_may_make_only_its_instances(world: World) -> None:
    token = world.history.add_token(Scope.ADMIN, instances=["a"])
    body = {"link": "websocket", "url": "ws://h/"}
    assert world.ask("POST", "/api/v1/instances", body | {"id": "b"}, token=token).status == 403
    assert world.ask("POST", "/api/v1/instances", body | {"id": "a"}, token=token).status == 201


@pytest.mark.parametrize(
    "header",
    ["authorization", "AUTHORIZATION", "x-api-key", "apikey"],
    ids=["bearer", "BEARER", "x-api-key", "apikey"],
)
def test_headers_carry_tokens(world: World, header: str) -> None:
    value = world.admin if "key" in header else f"{'BEARER' if header.isupper() else 'Bearer'} {world.admin}"
    assert world.ask("GET", "/api/v1/server", token=None, headers={header.lower(): value}).status == 200


def test_the_query_carries_a_token(world: World) -> None:
    assert world.ask("GET", f"/api/v1/instances?access_token={world.admin}&limit=3", token=None).status == 200


def test_query_tokens_can_be_turned_off(world: World) -> None:
    world.settings(auth=AuthSettings(query_token=False))
    reply = world.ask("GET", f"/api/v1/server?access_token={world.admin}", token=None)
    assert reply.status == 401
    assert "auth.query_token" in reply.body["message"]


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("?access_token=X", {"authorization": "Bearer X"}),
        ("?access_token=X&access_token=X", {}),
        ("", {"authorization": "Bearer X", "x-api-key": "X"}),
        ("", {"apikey": "X", "x-api-key": "X"}),
    ],
)
def test_two_methods_at_once_are_400(world: World, query: str, headers: dict[str, str]) -> None:
    query = query.replace("X", world.admin)
    headers = {name: value.replace("X", world.admin) for name, value in headers.items()}
    for path in ("/api/v1/server", "/health"):
        reply = world.ask("GET", f"{path}{query}", token=None, headers=headers)
        assert (reply.status, reply.code) == (400, "several_tokens")


@pytest.mark.parametrize("authorization", ["Basic eDp5", "Bearer nobody's"])
def test_one_method_of_any_kind_is_nothing_to_a_public_endpoint(world: World, authorization: str) -> None:
    reply = world.ask("GET", "/health", token=None, headers={"authorization": authorization})
    assert reply.status == 200


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic eDp5", "bearer\tx", "Bearer x y", "Bearer ünï", "Bearer \ud800"],
)
def test_odd_authorization_headers_are_401(world: World, authorization: str) -> None:
    assert (
        world.ask("GET", "/api/v1/server", token=None, headers={"authorization": authorization}).status == 401
    )


def test_an_expired_token_is_401(world: World) -> None:
    token = world.history.add_token(Scope.ADMIN, expires_at=time.time() - 1)
    assert world.ask("GET", "/api/v1/server", token=token).status == 401


def test_the_cli_token_is_for_this_machine_only(world: World) -> None:
    assert world.ask("GET", "/api/v1/server", token=CLI_TOKEN, peer="127.0.0.1").status == 200
    assert world.ask("GET", "/api/v1/server", token=CLI_TOKEN, peer="::1").status == 200
    assert world.ask("GET", "/api/v1/server", token=CLI_TOKEN, peer="192.0.2.1").status == 401
    forwarded = {"x-forwarded-for": "192.0.2.1"}
    assert world.ask("GET", "/api/v1/server", token=CLI_TOKEN, headers=forwarded).status == 401


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("", False),
        ("localhost", False),
        ("0.0.0.0", False),
    ],
)
def test_loopback(address: str, local: bool) -> None:
    assert is_loopback(address) is local


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        ("10.0.0.1", "192.0.2.1", (), "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", ("10.0.0.2",), "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", ("10.0.0.1",), "192.0.2.1"),
        ("10.0.0.1", "6.6.6.6, 192.0.2.1", ("10.0.0.1",), "192.0.2.1"),
        ("10.0.0.1", "192.0.2.1, 10.0.0.9", ("10.0.0.0/8",), "192.0.2.1"),
        ("10.0.0.1", "10.0.0.8,10.0.0.9", ("10.0.0.0/8",), "10.0.0.8"),
        ("10.0.0.1", "nonsense", ("10.0.0.1",), "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, nonsense", ("10.0.0.1",), "10.0.0.1"),
        ("10.0.0.1", "", ("10.0.0.1",), "10.0.0.1"),
        ("10.0.0.1", "192.0.2.1", ("typo",), "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", ("10.0.0.1",), "2001:db8::1"),
    ],
)
def test_only_trusted_proxies_name_the_client(
    peer: str, forwarded: str, trusted: tuple[str, ...], client: str
) -> None:
    assert client_address(peer, {"x-forwarded-for": forwarded}, trusted) == client


def test_no_error_repeats_the_token(world: World) -> None:
    secret = "sbg_" + "s" * 40
    for headers in ({"authorization": f"Bearer {secret}"}, {"x-api-key": secret}, {"authorization": secret}):
        assert secret.encode() not in world.ask("GET", "/api/v1/server", token=None, headers=headers).raw


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("DELETE", "/force-retry/zzz", None, 405),
        ("POST", "/force-retry/zzz", None, 401),
        ("POST", "/force-retry/zzz", "read", 403),
        ("POST", "/force-retry/zzz", "operate", 404),
    ],
    ids=["method first", "then token", "then right", "then id"],
)
def test_order_of_checks(world: World, method: str, path: str, token: str | None, status: int) -> None:
    value = None if token is None else world.history.add_token(Scope(token))
    assert world.ask(method, path, token=value).status == status


def test_access_is_denied_by_default() -> None:
    route = Route("GET", "/x", lambda _site, _call: pytest.fail("never"))
    assert route.access is Access.NOBODY
    assert route.scopes == (Scope.ADMIN,)
