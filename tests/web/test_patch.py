"""PATCH of an instance: merge, reset, keep what is masked."""

from typing import Any

import pytest

from core import messages as m
from core.instances import InstanceConfig
from tests.web.conftest import Reply, World
from tests.web.fakes import snapshot

BODY: dict[str, Any] = {"id": "a", "link": "websocket", "url": "ws://h/"}


def assert_wrong(reply: Reply, field: str) -> None:
    assert (reply.status, reply.code) == (422, "invalid"), reply.raw
    named = {one["field"] for one in reply.body["details"]}
    assert field in named, named
    assert all(one["message"] for one in reply.body["details"])


OLD = InstanceConfig(
    url="ws://h/?token=s1",
    headers={"X-Key": "s2", "X-Other": "s3"},
    proxy="http://u:s4@p:1",
    hello=({"pw": "s5"},),
    overrides={"retry": {"jitter": 0}},
)


def patched(world: World, changes: dict[str, Any]) -> InstanceConfig:
    world.put(snapshot("a", config=OLD))
    reply = world.ask("PATCH", "/api/v1/instances/a", changes)
    assert reply.status == 200, reply.raw
    config = world.root.commands(m.UpdateInstance)[-1].config
    assert isinstance(config, InstanceConfig)
    return config


def change(**fields: Any) -> InstanceConfig:
    return InstanceConfig.from_dict(OLD.to_dict() | fields)


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({}, OLD),
        ({"url": "wss://new/"}, change(url="wss://new/")),
        ({"ack_field": "id"}, change(ack_field="id")),
        ({"proxy": None}, change(proxy=None)),
        ({"headers": None}, change(headers={})),
        ({"hello": []}, change(hello=[])),
        ({"overrides": None}, change(overrides={})),
        ({"overrides": {"breaker": {"window_s": 60}}}, change(overrides={"breaker": {"window_s": 60}})),
        ({"headers": {"X-New": "n"}}, change(headers={"X-New": "n"})),
        ({"headers": {"X-Key": "***", "X-New": "n"}}, change(headers={"X-Key": "s2", "X-New": "n"})),
        ({"link": "websocket"}, OLD),
    ],
    ids=str,
)
def test_patch_merges(world: World, changes: dict[str, Any], after: InstanceConfig) -> None:
    assert patched(world, changes) == after


def test_what_get_showed_can_be_sent_back_and_changes_nothing(world: World) -> None:
    world.put(snapshot("a", config=OLD))
    shown = world.ask("GET", "/api/v1/instances/a").body["data"]["config"]
    assert patched(world, shown) == OLD


def test_patch_changes_the_wanted_state_too(world: World) -> None:
    world.put(snapshot("a", config=OLD))
    reply = world.ask("PATCH", "/api/v1/instances/a", {"desired": "disconnected", "ack_field": "n"})
    assert reply.body["data"]["desired"] == "disconnected"
    assert reply.body["data"]["config"]["ack_field"] == "n"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": None}, "url"),
        ({"url": "http://x/"}, "url"),
        ({"link": "whatsapp"}, "link"),
        ({"link": 5}, "link"),
        ({"nope": 1}, "nope"),
        ({"id": "b"}, "id"),
        ({"desired": "maybe"}, "desired"),
        ({"desired": ["connected"]}, "desired"),
        ({"headers": {"X-Unknown": "***"}}, "headers.X-Unknown"),
        ({"headers": 5}, "headers"),
        ({"payload": "binary"}, "hello.0"),
    ],
    ids=str,
)
def test_wrong_patches_change_nothing(world: World, changes: dict[str, Any], field: str) -> None:
    world.put(snapshot("a", config=OLD))
    assert_wrong(world.ask("PATCH", "/api/v1/instances/a", changes), field)
    assert not world.root.commands(m.UpdateInstance)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"link": "whatsapp", "desired": "maybe", "nope": 1}, ["desired", "link", "nope"]),
        (
            {"headers": {"X-Unknown": "***", "Host": "x"}, "url": "http://x/"},
            ["headers.Host", "headers.X-Unknown", "url"],
        ),
        ({"desired": "maybe", "url": None}, ["desired", "url"]),
    ],
    ids=str,
)
def test_all_problems_of_a_patch_come_in_one_answer(
    world: World, changes: dict[str, Any], named: list[str]
) -> None:
    world.put(snapshot("a", config=OLD))
    reply = world.ask("PATCH", "/api/v1/instances/a", changes)
    assert sorted(one["field"] for one in reply.body["details"]) == named
    assert not world.root.commands(m.UpdateInstance)


def test_patch_needs_an_object(world: World) -> None:
    world.put(snapshot("a"))
    assert world.ask("PATCH", "/api/v1/instances/a", b"[]").status == 422


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("url", "ws://new/?***", "url"),
        ("proxy", "http://***@p:2", "proxy"),
        ("proxy", "http://u:***@p:2", "proxy"),
        ("hello", ["***", {"pw": "s6"}], "hello.0"),
        ("headers", {"X-New": "***"}, "headers.X-New"),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_a_mask_never_takes_the_place_of_a_secret(
    world: World, method: str, field: str, value: Any, named: str
) -> None:
    """As when somebody edits what was shown and sends it back."""
    world.put(snapshot("a", config=OLD))
    if method == "PATCH":
        reply = world.ask("PATCH", "/api/v1/instances/a", {field: value})
    else:
        reply = world.ask("POST", "/api/v1/instances", BODY | {"id": "b", field: value})
    assert_wrong(reply, named)
    assert not world.root.commands(m.UpdateInstance) and not world.root.commands(m.CreateInstance)


def test_an_unknown_field_is_told_every_field_that_can_be_changed(world: World) -> None:
    world.put(snapshot("a", config=OLD))
    reply = world.ask("PATCH", "/api/v1/instances/a", {"desire": "connected", "desired": "disconnected"})
    assert_wrong(reply, "desire")
    (detail,) = reply.body["details"]
    assert detail["message"].startswith("unknown field (allowed: link, url, ")
    assert detail["message"].endswith(", desired)")
