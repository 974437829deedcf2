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
from tests.actors.transport.live.socks_peers import (
    GRANTED,
    dripping,
    ends_after_greeting,
    ends_after_request,
    no_method,
    refusing,
    resets,
    socks4a,
    socks5,
    socks5_login,
    speaks_http,
    wrong_login,
)

Serve = Callable[..., Any]
Drive = Callable[..., Any]
USER, PASSWORD = "me@home", "pass:word"
QUOTED = "me%40home:pass%3Aword"


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
