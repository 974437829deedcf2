"""Response heads and what their status means; no sockets."""

from email.utils import formatdate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.upgrade import (
    Head,
    parse_head,
    retry_after_s,
    split_head,
    status_failure,
    tunnel_failure,
    upgrade_failure,
)
from core.failures import Failure, FailureKind

NOW_S = 1_800_000_000.0
GOOD = {"upgrade": ("websocket",), "connection": ("Upgrade",), "sec-websocket-accept": ("key",)}


def head(status: int, **fields: str) -> Head:
    return Head(status, {name.replace("_", "-"): (value,) for name, value in fields.items()})


@pytest.mark.parametrize(
    ("status", "kind", "shown"),
    [
        (200, FailureKind.PROTOCOL, 500),
        (204, FailureKind.PROTOCOL, 500),
        (100, FailureKind.PROTOCOL, 500),
        (301, FailureKind.CONFIG, 301),
        (302, FailureKind.CONFIG, 302),
        (307, FailureKind.CONFIG, 307),
        (308, FailureKind.CONFIG, 308),
        (400, FailureKind.CONFIG, 400),
        (401, FailureKind.CONFIG, 401),
        (403, FailureKind.CONFIG, 403),
        (404, FailureKind.CONFIG, 404),
        (408, FailureKind.TIMEOUT, 408),
        (425, FailureKind.UPSTREAM, 425),
        (426, FailureKind.CONFIG, 426),
        (429, FailureKind.THROTTLED, 429),
        (500, FailureKind.UPSTREAM, 500),
        (502, FailureKind.UPSTREAM, 502),
        (503, FailureKind.THROTTLED, 503),
        (504, FailureKind.UPSTREAM, 504),
        (599, FailureKind.UPSTREAM, 599),
    ],
)
def test_a_refusing_status_has_its_kind(status: int, kind: FailureKind, shown: int) -> None:
    failure = upgrade_failure(head(status), (), NOW_S)
    assert failure is not None
    assert failure.kind is kind
    assert failure.shown_status == shown
    assert str(status) in failure.text


def test_every_status_but_101_is_a_failure() -> None:
    assert all(status_failure(head(status), NOW_S).text for status in range(100, 600) if status != 101)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("120", 120.0),
        ("99999999999999999999", 86_400.0),
        (formatdate(NOW_S + 90, usegmt=True), 90.0),
        (formatdate(NOW_S - 90, usegmt=True), 0.0),
        (formatdate(NOW_S + 1e7, usegmt=True), 86_400.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_in_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_s(head(503, retry_after=value), NOW_S) == seconds
    failure = status_failure(head(429, retry_after=value), NOW_S)
    assert failure.retry_after_s == seconds


def test_a_retry_date_counts_from_the_servers_own_date_so_a_wrong_clock_does_no_harm() -> None:
    answer = head(503, retry_after=formatdate(5000, usegmt=True), date=formatdate(4970, usegmt=True))
    assert retry_after_s(answer, NOW_S) == 30.0


def test_a_good_upgrade_is_no_failure() -> None:
    assert upgrade_failure(Head(101, GOOD), (), NOW_S) is None
    listed = {**GOOD, "connection": ("keep-alive, UPGRADE",), "upgrade": ("WebSocket",)}
    assert upgrade_failure(Head(101, listed), (), NOW_S) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"upgrade": ("h2c",)}, "not a WebSocket"),
        ({"upgrade": ()}, "not a WebSocket"),
        ({"connection": ("close",)}, "not a WebSocket"),
        ({"connection": ("notupgrade",)}, "not a WebSocket"),
        ({"sec-websocket-extensions": ("permessage-deflate",)}, "extension"),
        ({"sec-websocket-protocol": ("secret-name",)}, "subprotocol"),
        ({"sec-websocket-protocol": ("CHAT",)}, "subprotocol"),
        ({"sec-websocket-protocol": ("chat", "chat")}, "repeats"),
        ({"sec-websocket-accept": ("a", "b")}, "repeats"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_upgrade_is_a_protocol_failure(change: dict[str, tuple[str, ...]], text: str) -> None:
    failure = upgrade_failure(Head(101, {**GOOD, **change}), ("chat",), NOW_S)
    assert failure is not None
    assert failure.kind is FailureKind.PROTOCOL
    assert text in failure.text
    assert "secret" not in failure.text


@pytest.mark.parametrize("chosen", [("chat",), ()])
def test_a_requested_subprotocol_or_none_is_accepted(chosen: tuple[str, ...]) -> None:
    assert (
        upgrade_failure(Head(101, {**GOOD, "sec-websocket-protocol": chosen}), ("x", "chat"), NOW_S) is None
    )


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, None),
        (299, None),
        (407, FailureKind.CONFIG),
        (403, FailureKind.NETWORK),
        (502, FailureKind.NETWORK),
    ],
)
def test_a_proxys_answer(status: int, kind: FailureKind | None) -> None:
    failure = tunnel_failure(head(status))
    assert (failure and failure.kind) is kind


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"HTTP/2 101 x",
        b"HTTP/1.1 1010 x",
        b"HTTP/1.1 999",
        b"SSH-2.0-x",
        b"HTTP/1.1 101 x\r\nno colon",
        b"HTTP/1.1 101 x\r\n folded: x",
        b"HTTP/1.1 101 x\r\nname : x",
        b"HTTP/1.1 101 x\r\na: b\rc",
    ],
)
def test_what_is_no_http_response_is_a_protocol_failure(raw: bytes) -> None:
    failure = parse_head(raw)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.PROTOCOL


def test_a_head_is_parsed_with_repeated_fields_in_order() -> None:
    parsed = parse_head(b"HTTP/1.1 101\r\nA: 1\r\nb:2 \r\na: 3")
    assert parsed == Head(101, {"a": ("1", "3"), "b": ("2",)})


@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\n\n"])
def test_a_head_ends_at_the_empty_line(end: bytes) -> None:
    assert split_head(b"HTTP/1.1 101" + end + b"rest") == (b"HTTP/1.1 101", b"rest")
    assert split_head(b"HTTP/1.1 101" + end[:-1]) is None


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_head_or_a_failure(raw: bytes) -> None:
    parsed = parse_head(raw)
    assert isinstance(parsed, Head | Failure)
    if isinstance(parsed, Head):
        upgrade_failure(parsed, ("chat",), NOW_S)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_retry_after_is_a_bounded_number_or_nothing(value: str) -> None:
    seconds = retry_after_s(head(503, retry_after=value), NOW_S)
    assert seconds is None or 0 <= seconds <= 86_400
