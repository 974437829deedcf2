"""Probes: the process answers, the server may serve."""

import pytest

from core.config import HealthSettings, StorageSettings
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
    words = "/srv/my data/x.db was found damaged; delete /srv/my data/x.db.corrupt"
    world.root.ready, world.root.stores = False, {part: words}
    world.root.host = host(storage_ok=False)
    world.root.subscribe_answers = started
    world.site.bridge.start()
    try:
        assert world.site.model.wait_for(lambda model: model.root_ready is not None, 10)
        assert world.site.model.wait_for(lambda model: not started or model.fleet is not None, 10)
        reply = world.ask("GET", "/health/ready", token=None)
        message = f"the {part} cannot be used: x.db was found damaged; delete x.db.corrupt"
        assert reply.body["details"] == [{"check": part, "message": message}], (
            "strangers do not learn the folder"
        )
        assert reply.body["message"] == message
        shown = world.ask("GET", "/api/v1/server").body["data"]["not_ready"]
        assert shown == [{"check": part, "message": f"the {part} cannot be used: {words}"}]
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


def test_nothing_is_missing_when_it_is_ready(world: World) -> None:
    assert world.ask("GET", "/api/v1/server").body["data"]["not_ready"] == []


@pytest.mark.parametrize("public", [True, False])
def test_the_folder_of_a_damaged_session_file_is_told_to_tokens_only(world: World, public: bool) -> None:
    file = "instances/a.db"
    world.settings(health=HealthSettings(public=public))
    world.put(
        snapshot(
            "a", reason=f"/srv/my data/{file} is damaged", next_step=f"Put a copy at /srv/my data/{file}"
        )
    )
    folder = "" if public else "/srv/my data/"
    data = world.ask("GET", "/circuit-breaker-status/a").body["data"]
    assert (data["reason"], data["next_step"]) == (
        f"{folder}{file} is damaged",
        f"Put a copy at {folder}{file}",
    )
    assert world.ask("GET", "/api/v1/instances/a").body["data"]["reason"] == f"/srv/my data/{file} is damaged"
