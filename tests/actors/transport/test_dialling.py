"""What becomes of a dial: refusals, statuses, responses that are no upgrade, addresses. Rows 1 and 28."""

import errno
import socket
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from actors.transport import Lost, Opened, Received, Transport, TransportState
from core.config import TransportSettings
from core.failures import FailureKind
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]
SECRET = "s3cret"


@pytest.fixture
def refusing_port() -> Any:
    """A port that is bound, so that nobody else gets it, but does not listen."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


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


def test_row_1_a_refused_connection_is_a_network_failure_at_once(drive: Drive, refusing_port: int) -> None:
    started_s = time.monotonic()
    lost = drive().lost(f"ws://127.0.0.1:{refusing_port}/?key={SECRET}")
    assert time.monotonic() - started_s < 1
    assert lost.failure.kind is FailureKind.NETWORK
    assert "Connection refused" in lost.failure.text
    assert SECRET not in lost.failure.text


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


def test_proxies_from_the_environment_are_not_used(
    serve: Serve, drive: Drive, refusing_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refusing_port}")
    drive().open(serve(lambda peer: peer.upgrade().wait_eof()).url)


def test_all_addresses_are_tried(
    serve: Serve, drive: Drive, refusing_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda peer: peer.upgrade().wait_eof())
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        for port in (refusing_port, server.port)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    drive().open("ws://two-addresses.example/")


def test_an_unknown_host_is_a_network_failure(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    lost = drive().lost("ws://nowhere.example/")
    assert lost.failure.kind is FailureKind.NETWORK
    assert "nowhere.example" in lost.failure.text


@pytest.mark.parametrize(
    "endpoint",
    [
        Endpoint(""),
        Endpoint("http://h/"),
        Endpoint("ws://h/", proxy="x"),
        Endpoint("wss://h/", ca_file="/none"),
        Endpoint(None),  # type: ignore[arg-type]
        Endpoint("ws://h/", ping_interval_s="soon"),  # type: ignore[arg-type]
    ],
    ids=["empty", "scheme", "proxy", "ca file", "no text", "ping"],
)
def test_a_bad_endpoint_is_a_config_failure_of_the_next_poll(
    endpoint: Endpoint, settings: TransportSettings
) -> None:
    transport = Transport(settings)
    transport.dial(endpoint, 7)
    assert transport.state is TransportState.CLOSED
    assert transport.pending()
    assert transport.fds() == []
    (event,) = transport.poll()
    assert isinstance(event, Lost)
    assert (event.epoch, event.failure.kind) == (7, FailureKind.CONFIG)
    assert transport.poll() == []
    assert not transport.pending()


def test_a_machine_without_descriptors_or_threads_is_a_network_failure(
    drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_descriptor(*args: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    def no_thread(*args: Any) -> Any:
        raise RuntimeError("can't start new thread")

    driver = drive()
    with monkeypatch.context() as patch:
        patch.setattr(socket, "socketpair", no_descriptor)
        assert "descriptor" in driver.lost("ws://127.0.0.1:1/").failure.text
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        assert "thread" in driver.lost("ws://127.0.0.1:1/").failure.text
    assert driver.transport.fds() == []


def test_dialling_twice_or_with_an_old_epoch_is_the_callers_error(serve: Serve, drive: Drive) -> None:
    server, driver = serve(lambda peer: peer.upgrade().frames()), drive()
    driver.open(server.url)
    with pytest.raises(RuntimeError, match="open"):
        driver.transport.dial(Endpoint(server.url), 2)
    driver.close()
    with pytest.raises(ValueError, match="epoch 1"):
        driver.transport.dial(Endpoint(server.url), 1)
