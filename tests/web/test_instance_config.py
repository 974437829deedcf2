"""What a configuration may hold: each wrong value is 422 and names its field; PATCH merges."""

from typing import Any

import pytest

from core import messages as m
from core.instances import InstanceConfig
from tests.web.conftest import Reply, World
from tests.web.fakes import snapshot

BODY: dict[str, Any] = {"id": "a", "link": "websocket", "url": "ws://h/"}


def create(world: World, **fields: Any) -> Reply:
    return world.ask("POST", "/api/v1/instances", BODY | fields)


def assert_wrong(reply: Reply, field: str) -> None:
    assert (reply.status, reply.code) == (422, "invalid"), reply.raw
    named = {one["field"] for one in reply.body["details"]}
    assert field in named, named
    assert all(one["message"] for one in reply.body["details"])


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://h/",
        "ws:/h",
        "ws://",
        "ws:///x",
        "ws://h:99999/",
        "ws://h:x/",
        "ws://h/#f",
        "ws://h/#",
        "wss://h\n/",
        "ws://h /",
        "h",
        "//h",
        "ws://h:0/",
        "ws://[::1",
        "ws://\x00/",
        "ws://h\\x",
        "javascript:x",
        "ws://" + "h" * 3000,
        "ws://.../",
        "ws://-\ud7ffé..x/",
    ],
)
def test_wrong_urls(world: World, url: str) -> None:
    assert_wrong(create(world, url=url), "url")
    assert not world.root.commands(m.CreateInstance)


@pytest.mark.parametrize(
    "url",
    [
        "ws://h",
        "wss://h:8443/a/b?c=d",
        "WS://H/",
        "ws://127.0.0.1:1/",
        "ws://[::1]:9/",
        "ws://müller.example/",
    ],
)
def test_right_urls(world: World, url: str) -> None:
    assert create(world, url=url).status == 201
    assert world.root.commands(m.CreateInstance)[0].config.url == url


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("id", "", "id"),
        ("id", "..", "id"),
        ("id", "a..b", "id"),
        ("id", "-a", "id"),
        ("id", "a/b", "id"),
        ("id", "a" * 65, "id"),
        ("id", "a\n", "id"),
        ("id", 5, "id"),
        ("id", None, "id"),
        ("link", "tcp", "link"),
        ("link", None, "link"),
        ("desired", "open", "desired"),
        ("url", 5, "url"),
        ("url", None, "url"),
        ("headers", {"X-A": "a\r\nX-B: b"}, "headers.X-A"),
        ("headers", {"X-A": "\u20ac"}, "headers.X-A"),
        ("headers", {"X A": "a"}, "headers.X A"),
        ("headers", {"": "a"}, "headers."),
        ("headers", {"X-A": 5}, "headers.X-A"),
        ("headers", {"Connection": "close"}, "headers.Connection"),
        ("headers", {"sec-websocket-key": "x"}, "headers.sec-websocket-key"),
        ("headers", {"Host": "x"}, "headers.Host"),
        ("headers", {"X-A": "1", "x-a": "2"}, "headers"),
        ("headers", {f"X-{n}": "1" for n in range(51)}, "headers"),
        ("headers", [["X-A", "1"]], "headers"),
        ("subprotocols", ["a b"], "subprotocols"),
        ("subprotocols", ["a", "a"], "subprotocols"),
        ("subprotocols", "a", "subprotocols"),
        ("proxy", "socks5://h:1080", "proxy"),
        ("proxy", "https://h:3128", "proxy"),
        ("proxy", "http://h", "proxy"),
        ("proxy", "http://:3128", "proxy"),
        ("proxy", "http://h:3128/path", "proxy"),
        ("proxy", "h:3128", "proxy"),
        ("ca_file", "relative.pem", "ca_file"),
        ("ca_file", "", "ca_file"),
        ("payload", "xml", "payload"),
        ("hello", "x", "hello"),
        ("hello", [1] * 33, "hello"),
        ("ping", {"interval_s": 5}, "ping.message"),
        ("ping", {"message": 1, "interval_s": 0}, "ping.interval_s"),
        ("ping", {"message": 1, "interval_s": "5"}, "ping.interval_s"),
        ("ping", {"message": 1, "interval_s": True}, "ping.interval_s"),
        ("ping", {"message": 1, "interval_s": 5, "timeout_s": 6}, "ping.timeout_s"),
        ("ping", {"message": 1, "every": 5}, "ping.every"),
        ("login", {"accept": {}}, "login.accept"),
        ("login", {"accept": {"a": {"b": 1}}}, "login.accept.a"),
        ("login", {"accept": {"a": 1}, "reject": {"b": []}}, "login.reject.b"),
        ("login", {"reject": {"a": 1}}, "login.accept"),
        ("ack_field", "", "ack_field"),
        ("overrides", {"http": {"port": 1}}, "overrides.http"),
        ("overrides", {"retry": {"nope": 1}}, "overrides.retry.nope"),
        ("overrides", {"retry": {"jitter": -1}}, "overrides.retry.jitter"),
        ("overrides", {"retry": {"jitter": "0"}}, "overrides.retry.jitter"),
        ("overrides", {"retry": 5}, "overrides.retry"),
        ("overrides", {"breaker": {"failure_threshold": 2.5}}, "overrides.breaker.failure_threshold"),
        ("nope", 1, "nope"),
        ("pid", 1, "pid"),
    ],
)
def test_wrong_fields_are_named(world: World, field: str, value: Any, named: str) -> None:
    assert_wrong(create(world, **{field: value}), named)
    assert not world.root.commands(m.CreateInstance)


@pytest.mark.parametrize(
    ("payload", "hello", "right"),
    [
        ("text", ["hi"], True),
        ("text", [{"a": 1}], False),
        ("binary", ["AAEC"], True),
        ("binary", ["%%"], False),
        ("json", [None, 1.5, "x", [], {}], True),
        ("msgpack", [{"a": [1, "x"]}], True),
    ],
)
def test_hello_must_fit_the_payload(world: World, payload: str, hello: list[Any], right: bool) -> None:
    reply = create(world, payload=payload, hello=hello)
    assert (reply.status == 201) is right, reply.raw
    if not right:
        assert_wrong(reply, "hello.0")


def test_ack_needs_a_payload_with_fields(world: World) -> None:
    assert_wrong(create(world, payload="text", ack_field="id"), "ack_field")
    assert create(world, payload="msgpack", ack_field="id").status == 201


def test_required_fields_are_named(world: World) -> None:
    assert_wrong(world.ask("POST", "/api/v1/instances", {}), "id")
    assert_wrong(world.ask("POST", "/api/v1/instances", {"id": "a", "url": "ws://h/"}), "link")
    assert_wrong(world.ask("POST", "/api/v1/instances", {"id": "a", "link": "websocket"}), "url")


def test_several_problems_come_together(world: World) -> None:
    reply = create(world, url="http://h/", proxy="socks5://h:1", headers={"Host": "x"})
    assert {one["field"] for one in reply.body["details"]} == {"url", "proxy", "headers.Host"}


def test_whatsapp_says_that_this_build_cannot(world: World) -> None:
    reply = create(world, link="whatsapp")
    assert_wrong(reply, "link")
    assert "not support" in reply.body["message"]


def test_socks_says_that_it_comes_later(world: World) -> None:
    assert "SOCKS" in create(world, proxy="socks5h://h:1080").body["details"][0]["message"]


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"5", b"true"])
def test_a_body_that_is_no_object_is_422(world: World, body: bytes) -> None:
    assert world.ask("POST", "/api/v1/instances", body).status == 422


def test_errors_do_not_repeat_values(world: World) -> None:
    for reply in (
        create(world, url="http://u:secret@h/"),
        create(world, headers={"Host": "secret"}),
        create(world, proxy="socks5://u:secret@h:1"),
        create(world, hello="secret"),
        create(world, payload="binary", hello=["secret!"]),
    ):
        assert reply.status == 422
        assert b"secret" not in reply.raw


# ── PATCH ────────────────────────────────────────────────────────────────────────────────────────────────────────

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


def test_patch_needs_an_object(world: World) -> None:
    world.put(snapshot("a"))
    assert world.ask("PATCH", "/api/v1/instances/a", b"[]").status == 422
