"""An HTTP proxy per instance: CONNECT, optional credentials, and never a connection past it."""

import base64
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from core.failures import FailureKind
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]
USER, PASSWORD = "me@home", "pass:word"


def relay(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def tunnel(peer: Any) -> str:
    """A working proxy; what it was asked."""
    request = str(peer.read_request())
    host, _, port = request.split(" ")[1].rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=20) as onward:
        peer.sock.sendall(b"HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
        back = threading.Thread(target=relay, args=(onward, peer.sock), daemon=True)
        back.start()
        relay(peer.sock, onward)
        back.join(20)
    return request


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
def test_a_link_goes_through_the_proxy(
    secure: bool, serve: Serve, drive: Drive, server_tls: Any, ca_file: str
) -> None:
    target = serve(lambda peer: peer.upgrade().send(1, b"through"), server_tls if secure else None)
    proxy = serve(tunnel)
    driver = drive()
    driver.dial(
        Endpoint(target.url, proxy=f"http://127.0.0.1:{proxy.port}", ca_file=ca_file if secure else None)
    )
    assert driver.messages(1) == ["through"]
    driver.lost()
    first, *lines = proxy.result().split("\r\n")
    authority = target.url.split("/")[2]
    assert first == f"CONNECT {authority} HTTP/1.1"
    assert f"Host: {authority}" in lines
    assert not any(line.lower().startswith("proxy-authorization") for line in lines)


def test_credentials_go_to_the_proxy_and_not_to_the_server(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> str:
        text = str(peer.upgrade().request)
        peer.frames()
        return text

    target, proxy, driver = serve(play), serve(tunnel), drive()
    driver.open(Endpoint(target.url, proxy=f"http://me%40home:pass%3Aword@127.0.0.1:{proxy.port}"))
    driver.close()
    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert f"Proxy-Authorization: Basic {encoded}" in proxy.result().split("\r\n")
    assert encoded not in target.result()


@pytest.mark.parametrize(
    ("play", "kind", "shown"),
    [
        (lambda peer: peer.answer("407 Authenticate"), FailureKind.CONFIG, 407),
        (lambda peer: peer.answer("403 Forbidden"), FailureKind.NETWORK, 428),
        (lambda peer: peer.answer("429 Busy", "Retry-After: 9"), FailureKind.NETWORK, 428),
        (lambda peer: peer.answer("502 Bad Gateway"), FailureKind.NETWORK, 428),
        (lambda peer: peer.answer("101 Switching Protocols"), FailureKind.NETWORK, 428),
        (lambda peer: peer.read_request(), FailureKind.NETWORK, 428),
        (lambda peer: peer.sock.sendall(b"SSH-2.0\r\n\r\n") or peer.wait_eof(), FailureKind.PROTOCOL, 500),
        (lambda peer: peer.answer("200 OK", "", "early bytes"), FailureKind.PROTOCOL, 500),
    ],
    ids=["407", "403", "429", "502", "101", "eof", "no http", "early bytes"],
)
def test_a_proxy_that_refuses_means_no_connection_at_all(
    play: Callable[[Any], Any], kind: FailureKind, shown: int, serve: Serve, drive: Drive
) -> None:
    target, proxy = serve(lambda peer: peer.upgrade()), serve(play)
    lost = drive().lost(
        Endpoint(target.url, proxy=f"http://{USER.replace('@', '%40')}:pw@127.0.0.1:{proxy.port}")
    )
    assert (lost.failure.kind, lost.failure.shown_status) == (kind, shown)
    assert "pw@" not in lost.failure.text and "home" not in lost.failure.text
    assert target.accepted == 0


def test_a_proxy_that_is_down_means_no_connection_at_all(serve: Serve, drive: Drive) -> None:
    target = serve(lambda peer: peer.upgrade())
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        lost = drive().lost(Endpoint(target.url, proxy=f"http://127.0.0.1:{sock.getsockname()[1]}"))
    assert lost.failure.kind is FailureKind.NETWORK
    assert target.accepted == 0


def test_an_unusable_proxy_url_means_no_connection_at_all(serve: Serve, drive: Drive) -> None:
    target = serve(lambda peer: peer.upgrade())
    lost = drive().lost(Endpoint(target.url, proxy="socks4://127.0.0.1:1080"))
    assert lost.failure.kind is FailureKind.CONFIG
    assert target.accepted == 0


def test_the_servers_certificate_is_checked_behind_a_proxy_too(
    serve: Serve, drive: Drive, server_tls: Any
) -> None:
    target, proxy = serve(lambda peer: peer.upgrade(), server_tls), serve(tunnel)
    lost = drive().lost(Endpoint(target.url, proxy=f"http://127.0.0.1:{proxy.port}"))
    assert lost.failure.kind is FailureKind.PROTOCOL
    assert "certificate" in lost.failure.text
