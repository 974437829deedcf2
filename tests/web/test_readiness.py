"""Probes: the process answers, the server may serve."""

import pytest

from core.config import StorageSettings
from tests.web.conftest import World
from tests.web.fakes import host, snapshot


def test_live_and_welcome_need_no_token(world: World) -> None:
    assert world.ask("GET", "/health/live", token=None).raw == b'{"status":"success","data":{"live":true}}'
    assert world.ask("GET", "/", token=None).body["data"]["version"] == "1.2.3"


def test_ready_when_everything_is(world: World) -> None:
    reply = world.ask("GET", "/health/ready", token=None)
    assert (reply.status, reply.body["data"]["ready"]) == (200, True)


@pytest.mark.parametrize(
    ("fields", "check"),
    [
        ({"storage_ok": False}, "storage"),
        ({"disk_free_percent": 4.9}, "disk"),
        ({"disk_free_percent": 4.9, "storage_ok": False}, "disk"),
    ],
)
def test_not_ready_names_the_check(world: World, fields: dict[str, object], check: str) -> None:
    world.settings(storage=StorageSettings(min_free_percent=5.0))
    world.root.host = host(**fields)
    world.put(snapshot("a"))
    reply = world.ask("GET", "/health/ready", token=None)
    assert (reply.status, reply.code) == (503, "not_ready")
    assert [one["check"] for one in reply.body["details"]] == [check]


def test_not_ready_before_the_first_snapshot() -> None:
    assert World().ask("GET", "/health/ready", token=None).body["details"][0]["check"] == "snapshot"


def test_not_ready_with_an_old_snapshot(world: World) -> None:
    world.site.model._clock = lambda: 1e12  # the future
    reply = world.ask("GET", "/health/ready", token=None)
    assert (reply.status, reply.body["details"][0]["check"]) == (503, "snapshot")


@pytest.mark.parametrize("part", ["registry", "journal"])
@pytest.mark.parametrize("started", [True, False], ids=["with a state", "without"])
def test_a_store_that_cannot_be_used_is_named_in_its_own_words(part: str, started: bool) -> None:
    world = World()
    world.root.ready, world.root.stores = False, {part: "/d/x.db was found damaged; delete /d/x.db.corrupt"}
    world.root.host = host(storage_ok=False)
    world.root.subscribe_answers = started
    world.site.bridge.start()
    try:
        assert world.site.model.wait_for(lambda model: model.root_ready is not None, 10)
        assert world.site.model.wait_for(lambda model: not started or model.fleet is not None, 10)
        reply = world.ask("GET", "/health/ready", token=None)
        assert reply.body["details"] == [
            {
                "check": part,
                "message": f"the {part} cannot be used: /d/x.db was found damaged; delete /d/x.db.corrupt",
            }
        ]
    finally:
        world.close()


def test_not_ready_while_the_registry_is_loading() -> None:
    world = World()
    world.root.ready = False
    world.start()
    try:
        assert world.ask("GET", "/health/ready", token=None).body["details"][0]["check"] == "registry"
    finally:
        world.close()
