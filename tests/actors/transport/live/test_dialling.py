"""The request, and what becomes of it: statuses, responses that are no upgrade. Row 28."""

from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from actors.transport import Opened, Received, TransportState
from core.failures import FailureKind
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]
SECRET = "s3cret"


def test_the_request_holds_what_the_endpoint_says_and_offers_no_extension(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> str:
        text = str(peer.read_request())
        peer.sock.sendall(peer.response("Sec-WebSocket-Protocol: v2"))
        peer.wait_eof()
        return text

    server, driver = serve(play), drive()
    endpoint = Endpoint(
        f"{server.url}a/b?c=d", headers=(("X-Key", SECRET), ("X-Key", "2")), subprotocols=("v1", "v2")
    )
    assert driver.open(endpoint) == Opened(1, "v2")
    assert driver.transport.state is TransportState.OPEN
    driver.transport.abort()
    first, *lines = server.result().split("\r\n")
    assert first == "GET /a/b?c=d HTTP/1.1"
    names = [line.split(":")[0].lower() for line in lines]
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert lines.count("X-Key: s3cret") == lines.count("X-Key: 2") == 1
    assert "Sec-WebSocket-Protocol: v1, v2" in lines
    assert "Sec-WebSocket-Version: 13" in lines
    assert not {"origin", "cookie", "sec-websocket-extensions"} & set(names)


@pytest.mark.parametrize(
    ("status", "lines", "kind", "shown", "retry_after_s"),
    [
        ("401 Unauthorized", (), FailureKind.CONFIG, 401, None),
        ("403 Forbidden", (), FailureKind.CONFIG, 403, None),
        ("404 Not Found", ("Content-Length: 999999999999",), FailureKind.CONFIG, 404, None),
        ("408 Request Timeout", (), FailureKind.TIMEOUT, 408, None),
        ("429 Too Many", ("Retry-After: 17",), FailureKind.THROTTLED, 429, 17.0),
        ("429 Too Many", (), FailureKind.THROTTLED, 429, None),
        (
            "503 Busy",
            (f"Retry-After: {formatdate(90, usegmt=True)}", f"Date: {formatdate(60, usegmt=True)}"),
            FailureKind.THROTTLED,
            503,
            30.0,
        ),
        ("500 Oops", (f"X-Trace: {SECRET}",), FailureKind.UPSTREAM, 500, None),
        ("200 OK", (), FailureKind.PROTOCOL, 500, None),
    ],
)
def test_row_28_a_refusing_status_has_its_kind_and_retry_after(
    status: str,
    lines: tuple[str, ...],
    kind: FailureKind,
    shown: int,
    retry_after_s: float | None,
    serve: Serve,
    drive: Drive,
) -> None:
    server = serve(lambda peer: peer.answer(status, *lines))
    lost = drive().lost(server.url)
    assert (lost.failure.kind, lost.failure.shown_status) == (kind, shown)
    assert lost.failure.retry_after_s == retry_after_s
    assert status[:3] in lost.failure.text
    assert SECRET not in lost.failure.text
    assert server.accepted == 1


def test_a_redirect_is_not_followed(serve: Serve, drive: Drive) -> None:
    other = serve(lambda peer: peer.upgrade())
    server = serve(lambda peer: peer.answer("302 Found", f"Location: {other.url}?key={SECRET}"))
    lost = drive().lost(server.url)
    assert (lost.failure.kind, lost.failure.shown_status) == (FailureKind.CONFIG, 302)
    assert SECRET not in lost.failure.text
    assert other.accepted == 0


def test_frames_behind_the_upgrade_are_not_lost(serve: Serve, drive: Drive) -> None:
    server = serve(
        lambda peer: peer.upgrade(behind=b"\x81\x02hi\x82\x01").sock.sendall(b"!") or peer.wait_eof()
    )
    driver = drive()
    driver.dial(server.url)
    assert driver.messages(2) == ["hi", b"!"]
    assert [type(event) for event in driver.events] == [Opened, Received, Received]


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(
            lambda r: r.replace(b"Sec-WebSocket-Accept: ", b"Sec-WebSocket-Accept: x"), id="wrong key"
        ),
        pytest.param(lambda r: r.replace(b"Sec-WebSocket-Accept", b"X-Accept"), id="no key"),
        pytest.param(lambda r: r.replace(b"websocket", b"h2c"), id="other upgrade"),
        pytest.param(lambda r: r.replace(b"HTTP/1.1", b"SPDY/3"), id="not http"),
        pytest.param(
            lambda r: r[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", id="extension"
        ),
        pytest.param(lambda r: r[:-2] + b"Sec-WebSocket-Protocol: other\r\n\r\n", id="subprotocol"),
        pytest.param(lambda r: r[:-2] + b"X-Pad: " + b"x" * 20_000 + b"\r\n\r\n", id="20 KB header"),
    ],
)
def test_a_wrong_upgrade_response_is_a_protocol_failure(
    break_it: Callable[[bytes], bytes], serve: Serve, drive: Drive
) -> None:
    def play(peer: Any) -> None:
        peer.read_request()
        peer.sock.sendall(break_it(peer.response()))
        peer.wait_eof()

    server, driver = serve(play), drive()
    assert driver.lost(server.url).failure.kind is FailureKind.PROTOCOL
    server.result()


def test_an_endless_response_header_is_cut_off(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> int:
        peer.read_request()
        sent = 0
        try:
            peer.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n")
            while True:
                sent += peer.sock.send(b"X-Pad: padding\r\n" * 64)
        except OSError:
            return sent

    server = serve(play)
    lost = drive().lost(server.url)
    assert lost.failure.kind is FailureKind.PROTOCOL
    assert "16384 bytes" in lost.failure.text
    server.result()


def test_a_connection_that_ends_during_the_upgrade_is_a_network_failure(serve: Serve, drive: Drive) -> None:
    for end in (lambda peer: peer.read_request(), lambda peer: peer.reset()):
        assert drive().lost(serve(end).url).failure.kind is FailureKind.NETWORK


def test_a_cookie_that_a_server_sets_is_not_sent_to_anybody(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> str:
        text = str(peer.read_request())
        peer.sock.sendall(peer.response("Set-Cookie: id=1; Domain=127.0.0.1", "Set-Cookie: x=y; Domain=0.1"))
        peer.frames()
        return text

    server, driver = serve(play), drive()
    for _ in range(2):
        driver.open(server.url)
        driver.close()
    assert "cookie" not in (server.result(0) + server.result(1)).lower()
