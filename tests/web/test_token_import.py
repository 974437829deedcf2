"""POST /api/v1/tokens/import: values that another server gave out, limited to chosen instances."""

import time
from typing import Any

import pytest

from core import messages as m
from core.records import Scope
from store.tokens import digest_of
from tests.web.conftest import World
from tests.web.fakes import refusal, snapshot

PATH = "/api/v1/tokens/import"
OLD = "64f0c1d2e3b4a"
BODY: dict[str, Any] = {
    "name": "old panel",
    "scopes": ["operate", "read"],
    "instances": ["toko1"],
    "value": OLD,
}


def test_the_old_value_works_for_its_instances_only(world: World) -> None:
    world.put(snapshot("toko1"), snapshot("toko2"))
    reply = world.ask("POST", PATH, BODY)
    assert reply.status == 201
    assert reply.body["data"]["instances"] == ["toko1"]
    assert world.ask("POST", f"/force-retry/toko1?access_token={OLD}", token=None).status == 200
    assert world.ask("POST", f"/force-retry/toko2?access_token={OLD}", token=None).status == 404
    assert world.ask("GET", "/api/v1/tokens", token=OLD).status == 403


def test_only_its_hash_is_kept_and_nothing_shows_it(world: World) -> None:
    reply = world.ask("POST", PATH, BODY)
    [command] = world.root.commands(m.CreateToken)
    assert command.token.digest == digest_of(OLD)
    for raw in (reply.raw, world.ask("GET", "/api/v1/tokens").raw):
        assert OLD.encode() not in raw
        assert command.token.digest.encode() not in raw


def test_expiry_and_quota_are_kept(world: World) -> None:
    world.ask("POST", PATH, BODY | {"expires_in_s": 60, "requests_per_minute": 5})
    token = world.root.commands(m.CreateToken)[0].token
    assert token.expires_at is not None and 0 < token.expires_at - time.time() <= 60
    assert token.requests_per_minute == 5


def test_a_value_that_is_stored_already_is_409(world: World) -> None:
    text = "this token's value is stored already, as token t1: revoke that one first"
    world.root.hooks[m.CreateToken] = lambda command: refusal(command, "token_exists", text)
    reply = world.ask("POST", PATH, BODY)
    assert (reply.status, reply.code, reply.body["message"]) == (409, "token_exists", text)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"value": "short"}, "value"),
        ({"value": "with a blank"}, "value"),
        ({"value": "ünïcödé-value"}, "value"),
        ({"value": "x" * 513}, "value"),
        ({"value": None}, "value"),
        ({"instances": []}, "instances"),
        ({"instances": None}, "instances"),
        ({"instances": ["../x"]}, "instances.0"),
        ({"scopes": ["admin"]}, "scopes.0"),
        ({"scopes": []}, "scopes"),
        ({"expires_in_s": -1}, "expires_in_s"),
        ({"requests_per_minute": -1}, "requests_per_minute"),
        ({"requests_per_minute": 1.5}, "requests_per_minute"),
    ],
    ids=str,
)
def test_wrong_imports(world: World, change: dict[str, Any], field: str) -> None:
    reply = world.ask("POST", PATH, BODY | change)
    assert (reply.status, reply.code) == (422, "invalid")
    assert field in {one["field"] for one in reply.body["details"]}
    assert not world.root.commands(m.CreateToken)
    assert str(change.get("value") or "#").encode() not in reply.raw


@pytest.mark.parametrize("field", ["instances", "value", "scopes", "name"])
def test_nothing_may_be_left_out(world: World, field: str) -> None:
    reply = world.ask("POST", PATH, {name: value for name, value in BODY.items() if name != field})
    assert (reply.status, reply.body["details"]) == (422, [{"field": field, "message": "is required"}])


def test_a_limited_admin_may_not_import(world: World) -> None:
    token = world.history.add_token(Scope.ADMIN, instances=["toko1"])
    assert world.ask("POST", PATH, BODY, token=token).status == 403


def test_import_is_no_token_id(world: World) -> None:
    assert world.ask("DELETE", PATH).status == 405
