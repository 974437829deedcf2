"""What a configuration may hold: each wrong value is 422 and names its field."""

from typing import Any

import pytest

from core import messages as m
from tests.web.conftest import Reply, World

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
        "ws://user@h/",
        "wss://user:password@h/",
        "ws://@h/",
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
        ("proxy", "socks://h:1080", "proxy"),
        ("proxy", "socks4://h:1080", "proxy"),
        ("proxy", "socks4a://u:p@h:1080", "proxy"),
        ("proxy", "socks5://h", "proxy"),
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
    reply = create(world, url="http://h/", proxy="socks5://h", headers={"Host": "x"})
    assert {one["field"] for one in reply.body["details"]} == {"url", "proxy", "headers.Host"}


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("whatsapp", "this build does not support 'whatsapp' yet (allowed: 'websocket')"),
        ("foo", "this build does not support 'foo' (allowed: 'websocket')"),
        ("", "this build does not support '' (allowed: 'websocket')"),
    ],
)
def test_a_link_that_this_build_cannot_is_told_what_it_can(world: World, link: str, said: str) -> None:
    reply = create(world, link=link)
    assert_wrong(reply, "link")
    assert reply.body["message"] == f"link: {said}"


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h", "socks4a"])
def test_a_proxy_is_kept_and_its_credentials_are_not_answered(world: World, scheme: str) -> None:
    user = "canary" if scheme == "socks4a" else "user:canary"
    proxy = f"{scheme}://{user}@proxy.example:1080"
    reply = create(world, proxy=proxy)
    assert reply.status == 201 and "canary" not in str(reply.body)
    (command,) = world.root.commands(m.CreateInstance)
    assert command.config.proxy == proxy
    assert command.config.masked()["proxy"] == f"{scheme}://***@proxy.example:1080"


def test_errors_do_not_repeat_values(world: World) -> None:
    for reply in (
        create(world, url="http://u:secret@h/"),
        create(world, url="ws://u:secret@h/"),
        create(world, headers={"Host": "secret"}),
        create(world, proxy="socks5://u:secret@h"),
        create(world, hello="secret"),
        create(world, payload="binary", hello=["secret!"]),
    ):
        assert reply.status == 422
        assert b"secret" not in reply.raw
