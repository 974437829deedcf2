"""A SOCKS proxy per instance: through it or not at all, and no name of a server is looked up past it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.transport import Opened
from core.failures import FailureKind
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]
USER, PASSWORD = "me@home", "pass:word"
QUOTED = "me%40home:pass%3Aword"
GRANTED = b"\x05\0\0\x01\x7f\0\0\1\x04\xd2"


def relay(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def pass_on(peer: Any, port: int) -> None:
    """Both directions, until both have ended."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as onward:
        back = threading.Thread(target=relay, args=(onward, peer.sock), daemon=True)
        back.start()
        relay(peer.sock, onward)
        back.join(20)


def greeted(peer: Any, *, login: bool = False, accept: bool = True) -> tuple[str, str] | None:
    """SOCKS5 up to the request; the credentials, if it asks for them."""
    version, count = peer._exactly(2)
    assert version == 5
    methods = peer._exactly(count)
    if not login:
        peer.sock.sendall(b"\x05\0")
        return None
    assert 2 in methods
    peer.sock.sendall(b"\x05\x02")
    assert peer._exactly(1) == b"\x01"
    user, password = (peer._exactly(peer._exactly(1)[0]).decode() for _ in range(2))
    peer.sock.sendall(b"\x01\0" if accept else b"\x01\x01")
    return user, password


def asked5(peer: Any) -> tuple[str, int]:
    """Where a SOCKS5 client wants to go."""
    version, command, _, kind = peer._exactly(4)
    assert (version, command) == (5, 1)
    if kind == 3:
        host = peer._exactly(peer._exactly(1)[0]).decode()
    else:
        family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, peer._exactly(size))
    return host, int.from_bytes(peer._exactly(2), "big")


def asked4(peer: Any) -> tuple[str, str, int]:
    """User, host and port of a SOCKS4a client."""
    assert peer._exactly(2) == b"\x04\x01"
    port = int.from_bytes(peer._exactly(2), "big")
    address, user = peer._exactly(4), text(peer)
    return user, text(peer) if address == b"\0\0\0\x01" else socket.inet_ntoa(address), port


def text(peer: Any) -> str:
    found = b""
    while (byte := peer._exactly(1)) != b"\0":
        found += byte
    return found.decode()


def socks5(peer: Any) -> tuple[str, int]:
    """A working proxy, whatever name it is asked for; what it was asked."""
    greeted(peer)
    host, port = asked5(peer)
    peer.sock.sendall(GRANTED)
    pass_on(peer, port)
    return host, port


def socks5_login(peer: Any) -> tuple[str, str] | None:
    given = greeted(peer, login=True)
    _, port = asked5(peer)
    peer.sock.sendall(GRANTED)
    pass_on(peer, port)
    return given


def socks4a(peer: Any) -> tuple[str, str, int]:
    user, host, port = asked4(peer)
    peer.sock.sendall(b"\0\x5a" + bytes(6))
    pass_on(peer, port)
    return user, host, port


@pytest.fixture(autouse=True)
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every host that was looked up in this process."""
    hosts: list[str] = []
    resolver = socket.getaddrinfo

    def recording(host: Any, *args: Any, **more: Any) -> Any:
        hosts.append(host.decode() if isinstance(host, bytes) else str(host))
        return resolver(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", recording)
    return hosts


def named(target: Any) -> str:
    """The target's URL by a name that exists nowhere (RFC 6761 §6.4): only the proxy can reach it."""
    return f"ws://upstream.invalid:{target.port}/"


# ── through it ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_link_goes_through_and_the_proxy_looks_the_name_up(
    scheme: str, serve: Serve, drive: Drive, looked_up: list[str]
) -> None:
    target, proxy = serve(lambda peer: peer.upgrade().send(1, b"through")), serve(socks5)
    driver = drive()
    driver.dial(Endpoint(named(target), proxy=f"{scheme}://127.0.0.1:{proxy.port}"))
    assert driver.messages(1) == ["through"]
    driver.lost()
    assert proxy.result() == ("upstream.invalid", target.port)
    assert "upstream.invalid" not in looked_up and "127.0.0.1" in looked_up


def test_socks4a_goes_through_with_the_user(serve: Serve, drive: Drive, looked_up: list[str]) -> None:
    target, proxy = serve(lambda peer: peer.upgrade().send(1, b"through")), serve(socks4a)
    driver = drive()
    driver.dial(Endpoint(named(target), proxy=f"socks4a://me%40home@127.0.0.1:{proxy.port}"))
    assert driver.messages(1) == ["through"]
    driver.lost()
    assert proxy.result() == (USER, "upstream.invalid", target.port)
    assert "upstream.invalid" not in looked_up


def test_credentials_go_to_the_proxy_and_not_to_the_server(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> str:
        request = str(peer.upgrade().request)
        peer.frames()
        return request

    target, proxy, driver = serve(play), serve(socks5_login), drive()
    driver.open(Endpoint(named(target), proxy=f"socks5://{QUOTED}@127.0.0.1:{proxy.port}"))
    driver.close()
    assert proxy.result() == (USER, PASSWORD)
    assert PASSWORD not in target.result() and USER not in target.result()


def test_tls_and_its_checks_work_behind_it(
    serve: Serve, drive: Drive, server_tls: Any, ca_file: str, looked_up: list[str]
) -> None:
    target, proxy = serve(lambda peer: peer.upgrade().send(1, b"through"), server_tls), serve(socks5)
    driver = drive()
    driver.dial(Endpoint(target.url, proxy=f"socks5://127.0.0.1:{proxy.port}", ca_file=ca_file))
    assert driver.messages(1) == ["through"]
    driver.lost()
    assert "localhost" not in looked_up
    stranger = Endpoint(
        f"wss://upstream.invalid:{target.port}/",
        proxy=f"socks5://127.0.0.1:{proxy.port}",
        ca_file=ca_file,
    )
    lost = drive().lost(stranger)
    assert lost.failure.kind is FailureKind.PROTOCOL and "certificate" in lost.failure.text


# ── or not at all ────────────────────────────────────────────────────────────────────────────────────────────────


def refusing(reply: bytes) -> Callable[[Any], None]:
    def play(peer: Any) -> None:
        greeted(peer)
        asked5(peer)
        peer.sock.sendall(reply)
        peer.wait_eof()

    return play


def wrong_login(peer: Any) -> None:
    greeted(peer, login=True, accept=False)
    peer.wait_eof()


def no_method(peer: Any) -> None:
    peer._exactly(2)
    peer.sock.sendall(b"\x05\xff")
    peer.wait_eof()


def ends_after_greeting(peer: Any) -> None:
    greeted(peer)


def ends_after_request(peer: Any) -> None:
    greeted(peer)
    asked5(peer)


def resets(peer: Any) -> None:
    greeted(peer)
    asked5(peer)
    peer.reset()


def speaks_http(peer: Any) -> None:
    peer._exactly(3)
    peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    peer.wait_eof()


FAULTS: list[tuple[str, Callable[[Any], None], FailureKind]] = [
    ("wrong login", wrong_login, FailureKind.CONFIG),
    ("no method", no_method, FailureKind.CONFIG),
    ("failed", refusing(b"\x05\x01\0\x01" + bytes(6)), FailureKind.NETWORK),
    ("not allowed", refusing(b"\x05\x02\0\x01" + bytes(6)), FailureKind.NETWORK),
    ("host unreachable", refusing(b"\x05\x04\0\x01" + bytes(6)), FailureKind.NETWORK),
    ("refused", refusing(b"\x05\x05\0\x01" + bytes(6)), FailureKind.NETWORK),
    ("no connect", refusing(b"\x05\x07\0\x01" + bytes(6)), FailureKind.CONFIG),
    ("early bytes", refusing(GRANTED + b"HTTP/1.1 101 Switching"), FailureKind.PROTOCOL),
    ("half an answer", refusing(b"\x05\0\0"), FailureKind.TIMEOUT),
    ("ends after greeting", ends_after_greeting, FailureKind.NETWORK),
    ("ends after request", ends_after_request, FailureKind.NETWORK),
    ("resets", resets, FailureKind.NETWORK),
    ("speaks HTTP", speaks_http, FailureKind.PROTOCOL),
    ("says nothing", lambda peer: peer.wait_eof(), FailureKind.TIMEOUT),
]


@pytest.mark.parametrize(("play", "kind"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS])
def test_a_proxy_that_fails_means_no_connection_at_all(
    play: Callable[[Any], None], kind: FailureKind, serve: Serve, drive: Drive, looked_up: list[str]
) -> None:
    target, proxy = serve(lambda peer: peer.upgrade()), serve(play)
    endpoint = Endpoint(f"ws://localhost:{target.port}/", proxy=f"socks5://{QUOTED}@127.0.0.1:{proxy.port}")
    lost = drive(dial_timeout_s=1.0).lost(endpoint)
    assert lost.failure.kind is kind, lost.failure
    assert PASSWORD not in lost.failure.text and USER not in lost.failure.text
    assert target.accepted == 0
    assert "localhost" not in looked_up


def test_a_proxy_that_is_down_means_no_connection_at_all(serve: Serve, drive: Drive) -> None:
    target = serve(lambda peer: peer.upgrade())
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        lost = drive().lost(Endpoint(target.url, proxy=f"socks5://127.0.0.1:{sock.getsockname()[1]}"))
    assert lost.failure.kind is FailureKind.NETWORK
    assert target.accepted == 0


def test_a_proxy_whose_name_is_unknown_means_no_connection_at_all(
    serve: Serve, drive: Drive, looked_up: list[str]
) -> None:
    target = serve(lambda peer: peer.upgrade())
    lost = drive().lost(Endpoint(f"ws://localhost:{target.port}/", proxy="socks5://proxy.invalid:1080"))
    assert lost.failure.kind is FailureKind.NETWORK and "proxy.invalid" in lost.failure.text
    assert target.accepted == 0 and "localhost" not in looked_up


def dripping(until: threading.Event) -> Callable[[Any], None]:
    def play(peer: Any) -> None:
        greeted(peer)
        asked5(peer)
        with contextlib.suppress(OSError):
            peer.sock.sendall(b"\x05\0\0\x03\xff")  # bound to a name of 255 bytes
            while not until.wait(0.1):
                peer.sock.sendall(b"x")

    return play


@pytest.fixture
def over() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_dripping_proxy_gains_no_time(serve: Serve, drive: Drive, over: threading.Event) -> None:
    target, proxy = serve(lambda peer: peer.upgrade()), serve(dripping(over))
    started_s = time.monotonic()
    lost = drive(dial_timeout_s=1.0).lost(Endpoint(target.url, proxy=f"socks5://127.0.0.1:{proxy.port}"))
    assert lost.failure.kind is FailureKind.TIMEOUT and "asking the proxy" in lost.failure.text
    assert 0.9 < time.monotonic() - started_s < 3
    assert target.accepted == 0


def test_closing_ends_the_talk_with_the_proxy_at_once(
    serve: Serve, drive: Drive, over: threading.Event
) -> None:
    target, proxy = serve(lambda peer: peer.upgrade()), serve(dripping(over))
    driver = drive()
    driver.dial(Endpoint(target.url, proxy=f"socks5://127.0.0.1:{proxy.port}"))
    driver.run(lambda: proxy.accepted == 1)
    started_s = time.monotonic()
    driver.close()
    assert time.monotonic() - started_s < 2
    assert target.accepted == 0


def test_after_a_loss_the_way_is_again_through_the_proxy(serve: Serve, drive: Drive) -> None:
    target, proxy = serve(lambda peer: peer.upgrade().frames()), serve(socks5)
    driver = drive()
    endpoint = Endpoint(named(target), proxy=f"socks5://127.0.0.1:{proxy.port}")
    driver.open(endpoint)
    for sock in [proxy.listener, *proxy._peers]:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
    driver.lost()
    proxy.listener.close()
    before = target.accepted
    driver.dial(endpoint)
    assert driver.lost().failure.kind is FailureKind.NETWORK
    assert not any(isinstance(event, Opened) and event.epoch == driver.epoch for event in driver.events)
    assert target.accepted == before
