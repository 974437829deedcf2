"""Endpoints are checked before any socket is made; the errors say what, where and what is allowed."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.target import Target, parse_target
from core.failures import Failure, FailureKind
from core.protocol import Endpoint

SECRET = "s3cret"


def good(**fields: Any) -> Target:
    target = parse_target(Endpoint(**{"url": "ws://host.example/", **fields}))
    assert isinstance(target, Target), target
    return target


@pytest.mark.parametrize(
    ("url", "host", "port", "secure", "request_url", "host_field"),
    [
        ("ws://h", "h", 80, False, "ws://h:80/", "h"),
        ("wss://h", "h", 443, True, "wss://h:443/", "h"),
        ("WSS://H:8443/A?b=C", "h", 8443, True, "wss://h:8443/A?b=C", "h:8443"),
        ("ws://h:443/", "h", 443, False, "ws://h:443/", "h:443"),
        ("wss://h:80/", "h", 80, True, "wss://h:80/", "h:80"),
        ("ws://h?x=1", "h", 80, False, "ws://h:80/?x=1", "h"),
        ("ws://[::1]:9/x", "::1", 9, False, "ws://[::1]:9/x", "[::1]:9"),
        ("ws://127.0.0.1:9", "127.0.0.1", 9, False, "ws://127.0.0.1:9/", "127.0.0.1:9"),
        ("ws://bücher.example/", "xn--bcher-kva.example", 80, False, None, "xn--bcher-kva.example"),
        ("ws://h/a;b=1/c;d", "h", 80, False, "ws://h:80/a%3Bb=1/c%3Bd", "h"),
        ("ws://h/%20?q=%C3%BC", "h", 80, False, "ws://h:80/%20?q=%C3%BC", "h"),
    ],
)
def test_a_good_url(
    url: str, host: str, port: int, secure: bool, request_url: str | None, host_field: str
) -> None:
    target = good(url=url)
    assert (target.host, target.port, target.secure) == (host, port, secure)
    assert target.host_field == host_field
    assert request_url in (None, target.url)


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("no url", {"url": ""}, "host"),
    ("no scheme", {"url": "host.example"}, "url:"),
    ("http", {"url": f"http://h/?k={SECRET}"}, "ws or wss"),
    ("no host", {"url": "ws:///x"}, "host"),
    ("port 0", {"url": "ws://h:0/"}, "1..65535"),
    ("port high", {"url": "ws://h:70000/"}, "1..65535"),
    ("port text", {"url": "ws://h:abc/"}, "1..65535"),
    ("credentials", {"url": f"ws://me:{SECRET}@h/"}, "Authorization"),
    ("fragment", {"url": "ws://h/#x"}, "fragment"),
    ("space", {"url": f"ws://h/a b?{SECRET}"}, "spaces"),
    ("newline", {"url": "ws://h/a\r\nX: y"}, "control"),
    ("not ascii", {"url": f"ws://h/ü?{SECRET}"}, "percent-encode"),
    ("bad v6", {"url": "ws://[::1/"}, "url:"),
    ("odd host", {"url": "ws://a!b/"}, "host"),
    ("long label", {"url": f"ws://{'ü' * 70}/"}, "url:"),
    ("header name", {"headers": (("bad name", SECRET),)}, "headers"),
    ("empty header name", {"headers": (("", SECRET),)}, "headers"),
    ("header value", {"headers": (("X-Key", f"{SECRET}\r\nX-Other: 1"),)}, "X-Key"),
    ("nul", {"headers": (("X-Key", f"{SECRET}\0"),)}, "X-Key"),
    ("surrogate", {"headers": (("X-Key", f"{SECRET}\ud800"),)}, "X-Key"),
    ("own header", {"headers": (("Sec-WebSocket-Key", SECRET),)}, "set by the connection"),
    ("connection header", {"headers": (("connection", SECRET),)}, "set by the connection"),
    ("host header", {"headers": (("Host", f"{SECRET}\n"),)}, "Host"),
    ("subprotocol", {"subprotocols": ("a b",)}, "subprotocols"),
    ("subprotocol twice", {"subprotocols": ("a", "a")}, "subprotocols"),
    ("proxy empty", {"proxy": ""}, "proxy"),
    ("proxy scheme", {"proxy": f"ftp://me:{SECRET}@h:1"}, "http://"),
    ("proxy socks4", {"proxy": f"socks4://{SECRET}@h:1"}, "socks4a://"),
    ("proxy socks4a and IPv6", {"url": "ws://[::1]/", "proxy": f"socks4a://{SECRET}@h:1"}, "socks5://"),
    ("proxy https", {"proxy": "https://h:1"}, "http://"),
    ("proxy no port", {"proxy": f"http://me:{SECRET}@h"}, "host:port"),
    ("proxy path", {"proxy": f"http://h:1/x?{SECRET}"}, "path"),
    ("proxy no host", {"proxy": f"http://me:{SECRET}@:1"}, "proxy"),
    ("proxy text", {"proxy": SECRET}, "proxy"),
    ("ping 0", {"ping_interval_s": 0}, "ping_interval_s"),
    ("ping nan", {"ping_interval_s": float("nan")}, "ping_interval_s"),
]


@pytest.mark.parametrize(("fields", "named"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_endpoint_is_a_config_failure_that_names_the_field_and_no_secret(
    fields: dict[str, Any], named: str
) -> None:
    failure = parse_target(Endpoint(**{"url": "ws://h/", **fields}))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.CONFIG
    assert named in failure.text
    assert SECRET not in failure.text


def test_a_proxy_with_credentials() -> None:
    target = good(proxy="http://me%40x:p%3Aw@proxy.example:3128")
    assert target.proxy is not None
    assert (target.proxy.host, target.proxy.port) == ("proxy.example", 3128)
    assert (target.proxy.user, target.proxy.password) == (b"me@x", b"p:w")


def test_headers_are_kept_in_order_and_a_host_of_ones_own_replaces_the_default() -> None:
    target = good(headers=(("A", "1"), ("Host", "other.example"), ("A", " 2 ")), subprotocols=("x", "y"))
    assert target.fields == ("A: 1", "A: 2", "Sec-WebSocket-Protocol: x, y")
    assert target.host_field == "other.example"


def test_the_repr_of_a_target_holds_no_secret() -> None:
    target = good(
        url=f"ws://h/{SECRET}?k={SECRET}", headers=(("A", SECRET),), proxy=f"http://me:{SECRET}@p.example:1"
    )
    assert SECRET not in repr(target)


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["url", "proxy"]))
def test_any_text_is_a_target_or_a_config_failure(text: str, name: str) -> None:
    endpoint = replace(Endpoint("ws://h/"), **{name: text})  # type: ignore[arg-type]
    result = parse_target(endpoint)
    assert isinstance(result, Target) or result.kind is FailureKind.CONFIG


@settings(deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_no_header_adds_a_line(name: str, value: str) -> None:
    result = parse_target(Endpoint("ws://h/", headers=((name, value),)))
    if isinstance(result, Target):
        assert all("\r" not in line and "\n" not in line and "\0" not in line for line in result.fields)
