"""/api/v1/tokens, /reload, /server."""

import time
from typing import Any

import pytest

from core import messages as m
from core.config import HttpSettings, RetrySettings, Settings
from core.records import Scope, no_token
from store.tokens import digest_of
from tests.web.conftest import World
from tests.web.fakes import refusal, snapshot
from web.server import reload_logged
from web.site import ReloadFailed

PATH = "/api/v1/tokens"


def test_a_new_token_works_at_once_and_its_value_is_shown_once(world: World) -> None:
    reply = world.ask("POST", PATH, {"name": "cron", "scopes": ["read"]})
    assert reply.status == 201
    data = reply.body["data"]
    assert list(data) == [
        "id",
        "name",
        "scopes",
        "instances",
        "created_at",
        "expires_at",
        "requests_per_minute",
        "value",
    ]
    assert data["value"].startswith("sbg_")
    stored = world.root.commands(m.CreateToken)[0].token
    assert stored.digest == digest_of(data["value"])
    assert world.ask("GET", "/api/v1/instances", token=data["value"]).status == 200
    listed = world.ask("GET", PATH)
    assert data["value"].encode() not in listed.raw
    assert stored.digest.encode() not in listed.raw


def test_limits_and_expiry_are_kept(world: World) -> None:
    body = {"name": "x", "scopes": ["send", "read"], "instances": ["b", "a"], "expires_in_s": 60}
    data = world.ask("POST", PATH, body).body["data"]
    assert (data["scopes"], data["instances"]) == (["read", "send"], ["a", "b"])
    stored = world.root.commands(m.CreateToken)[0].token
    assert stored.expires_at is not None
    assert 0 < stored.expires_at - time.time() <= 60


def test_tokens_differ(world: World) -> None:
    values = {
        world.ask("POST", PATH, {"name": "x", "scopes": ["read"]}).body["data"]["value"] for _ in range(10)
    }
    assert len(values) == 10
    assert all(len(value) >= 47 for value in values)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "", "scopes": ["read"]}, "name"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["root"]}, "scopes.0"),
        ({"name": "x", "scopes": "read"}, "scopes"),
        ({"name": "x", "scopes": ["read"], "instances": []}, "instances"),
        ({"name": "x", "scopes": ["read"], "instances": ["../x"]}, "instances.0"),
        ({"name": "x", "scopes": ["read"], "expires_in_s": 0}, "expires_in_s"),
        ({"name": "x", "scopes": ["read"], "expires_in_s": 1e300}, "expires_in_s"),
        ({"name": "x", "scopes": ["read"], "value": "mine"}, "value"),
    ],
    ids=str,
)
def test_wrong_tokens(world: World, body: dict[str, Any], field: str) -> None:
    reply = world.ask("POST", PATH, body)
    assert (reply.status, reply.code) == (422, "invalid")
    assert field in {one["field"] for one in reply.body["details"]}
    assert not world.root.commands(m.CreateToken)


def test_all_problems_of_a_token_come_in_one_answer(world: World) -> None:
    body = {"name": "", "scopes": ["root"], "instances": ["../x", "ok", "a b"], "nope": 1}
    reply = world.ask("POST", PATH, body)
    named = [one["field"] for one in reply.body["details"]]
    assert sorted(named) == ["instances.0", "instances.2", "name", "nope", "scopes.0"]


def test_a_revoked_token_stops_working(world: World) -> None:
    data = world.ask("POST", PATH, {"name": "x", "scopes": ["read"]}).body["data"]
    reply = world.ask("DELETE", f"{PATH}/{data['id']}")
    assert (reply.status, reply.body["data"]) == (200, {"id": data["id"], "revoked": True})
    assert world.ask("GET", "/api/v1/instances", token=data["value"]).status == 401
    again = world.ask("DELETE", f"{PATH}/{data['id']}")
    assert (again.status, again.code) == (404, "token_not_found")
    assert again.body["message"] == no_token(data["id"])


def test_tokens_are_paged(world: World) -> None:
    for _ in range(6):
        world.history.add_token(Scope.READ)
    seen: list[str] = []
    target = f"{PATH}?limit=3"
    while target:
        body = world.ask("GET", target).body
        seen += [one["id"] for one in body["data"]]
        target = f"{PATH}?limit=3&after={body['page']['next']}" if body["page"]["next"] else ""
    assert sorted(seen) == sorted(world.root.tokens)
    assert len(seen) == 7


# ── reload ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reload_swaps_here_and_at_the_root(world: World) -> None:
    before = world.site.settings.now
    new = Settings(http=before.http, retry=RetrySettings(delay_s=3.0))
    world.reloaded = lambda: new
    reply = world.ask("POST", "/api/v1/reload")
    assert reply.body["data"] == {"changed": ["retry.delay_s"], "restart_needed": []}
    assert world.site.settings.now == new
    assert [one.settings for one in world.root.commands(m.ReloadSettings)] == [new]


def test_reload_says_what_waits_for_a_restart(world: World) -> None:
    old = world.site.settings.now.http
    world.reloaded = lambda: Settings(http=HttpSettings(port=9999, command_timeout_s=old.command_timeout_s))
    data = world.ask("POST", "/api/v1/reload").body["data"]
    assert data == {"changed": ["http.port"], "restart_needed": ["http.port"]}


def test_wrong_files_change_nothing_and_are_explained(world: World) -> None:
    def fail() -> Settings:
        raise ReloadFailed(
            [("conf/sambung.toml:4 retry.delay_s", "must be a number from 0 to 3600 (got 'x')")]
        )

    world.reloaded = fail
    before = world.site.settings.now
    reply = world.ask("POST", "/api/v1/reload")
    assert reply.status == 422
    assert reply.body["details"] == [
        {"field": "conf/sambung.toml:4 retry.delay_s", "message": "must be a number from 0 to 3600 (got 'x')"}
    ]
    assert world.site.settings.now == before
    assert not world.root.commands(m.ReloadSettings)


def test_a_root_that_refuses_keeps_the_old_settings_here_too(world: World) -> None:
    before = world.site.settings.now
    world.reloaded = lambda: Settings(retry=RetrySettings(delay_s=3.0))
    world.root.hooks[m.ReloadSettings] = lambda command: refusal(command, "busy", "later")
    assert world.ask("POST", "/api/v1/reload").code == "busy"
    assert world.site.settings.now == before


def test_a_reload_by_signal_logs_its_outcome(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.reloaded = lambda: Settings(http=world.site.settings.now.http, retry=RetrySettings(delay_s=3.0))
    with caplog.at_level("INFO", "sambung.web"):
        reload_logged(world.site)
        world.root.hooks[m.ReloadSettings] = lambda command: refusal(command, "busy", "later please")
        reload_logged(world.site)
    assert "changed: retry.delay_s" in caplog.text
    assert "later please" in caplog.text


def test_server(world: World) -> None:
    world.put(snapshot("a"))
    data = world.ask("GET", "/api/v1/server").body["data"]
    assert data["version"] == "1.2.3"
    assert data["connected_to_actors"] is True
    assert data["uptime_s"] >= 0
    assert data["settings"]["breaker"]["failure_threshold"] == 10
    assert "tls_key_file" not in str(data)
