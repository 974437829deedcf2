"""One total deadline for name look-up, TCP, proxy, TLS and upgrade. Rows 2, 11 (the transport's part) and 27."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors.dialler import MAX_LATE
from core.failures import FailureKind
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]
DIAL_S = 0.6
LATE_S = 1.5  # the machine may be busy; every drip below takes many times longer than both together
DRIP_S = 0.05


def drip(peer: Any, data: bytes) -> int:
    """Sends a byte every DRIP_S until the client goes; the number that it took."""
    gone = threading.Event()

    def watch() -> None:
        with contextlib.suppress(OSError):
            while peer.sock.recv(65536):
                pass
        gone.set()

    threading.Thread(target=watch, daemon=True).start()
    for index in range(len(data)):
        if gone.wait(DRIP_S):
            return index
        try:
            peer.sock.sendall(data[index : index + 1])
        except OSError:
            return index
    return len(data)


def drip_upgrade(peer: Any) -> int:
    peer.read_request()
    return drip(peer, peer.response("X-Pad: " + "x" * 2000))


def drip_tls_record(peer: Any) -> int:
    peer.sock.recv(65536)
    return drip(peer, b"\x16\x03\x03\x40\x00" + bytes(2000))


def drip_tunnel(peer: Any) -> int:
    peer.read_request()
    return drip(peer, b"HTTP/1.1 200 OK\r\nX-Pad: " + b"x" * 2000)


@pytest.mark.parametrize(
    ("play", "endpoint", "doing"),
    [
        (lambda peer: peer.wait_eof(), "ws://127.0.0.1:{port}/", "opening the WebSocket"),
        (drip_upgrade, "ws://127.0.0.1:{port}/", "opening the WebSocket"),
        (lambda peer: peer.wait_eof(), "wss://127.0.0.1:{port}/", "TLS handshake"),
        (drip_tls_record, "wss://127.0.0.1:{port}/", "TLS handshake"),
        (lambda peer: peer.wait_eof(), "proxy", "asking the proxy"),
        (drip_tunnel, "proxy", "asking the proxy"),
    ],
    ids=["stall", "drip", "tls stall", "tls drip", "proxy stall", "proxy drip"],
)
def test_row_27_a_stalled_or_dripped_handshake_ends_at_the_deadline(
    play: Callable[[Any], Any], endpoint: str, doing: str, serve: Serve, drive: Drive
) -> None:
    server, driver = serve(play), drive(dial_timeout_s=DIAL_S)
    through = Endpoint("ws://target.example/", proxy=f"http://127.0.0.1:{server.port}")
    started_s = time.monotonic()
    lost = driver.lost(through if endpoint == "proxy" else endpoint.format(port=server.port))
    assert DIAL_S <= time.monotonic() - started_s < DIAL_S + LATE_S
    assert lost.failure.kind is FailureKind.TIMEOUT
    assert doing in lost.failure.text
    assert driver.transport.fds() == []
    assert server.result() in (None, *range(int((DIAL_S + LATE_S) / DRIP_S)))


@pytest.fixture
def blackhole() -> Iterator[int]:
    """A port whose queue of connections is full, so that the kernel drops every further SYN."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield address[1]


def test_row_2_a_dropped_syn_ends_at_the_deadline(blackhole: int, drive: Drive) -> None:
    started_s = time.monotonic()
    driver = drive(dial_timeout_s=DIAL_S)
    lost = driver.lost(f"ws://127.0.0.1:{blackhole}/")
    assert DIAL_S <= time.monotonic() - started_s < DIAL_S + LATE_S
    assert lost.failure.kind is FailureKind.TIMEOUT
    assert "connecting to 127.0.0.1" in lost.failure.text
    assert driver.transport.fds() == []


def test_a_silent_address_leaves_time_for_the_next_one(
    blackhole: int, serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda peer: peer.upgrade().wait_eof())
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (blackhole, server.port)
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    drive(dial_timeout_s=3.0).open("ws://two-addresses.example/")


class SlowResolver:
    """Stands for getaddrinfo: answers only after `release`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.release = threading.Event()
        self.asked = threading.Semaphore(0)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.asked.release()
        self.release.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", self.port))]


@pytest.fixture
def slow(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SlowResolver, Any]]:
    server = serve(lambda peer: peer.upgrade().wait_eof())
    resolver = SlowResolver(server.port)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    yield resolver, server
    resolver.release.set()


def test_a_resolver_that_hangs_is_a_timeout_in_time_and_its_late_result_opens_nothing(
    slow: tuple[SlowResolver, Any], drive: Drive
) -> None:
    resolver, server = slow
    driver = drive(dial_timeout_s=DIAL_S)
    started_s = time.monotonic()
    lost = driver.lost("ws://slow.example/")
    assert DIAL_S <= time.monotonic() - started_s < DIAL_S + LATE_S
    assert lost.failure.kind is FailureKind.TIMEOUT
    assert "looking slow.example up" in lost.failure.text
    assert len(driver.transport.fds()) == 1
    assert driver.transport.deadline_s() is None
    resolver.release.set()
    driver.run(lambda: driver.transport.fds() == [])
    assert server.accepted == 0
    assert driver.events == [lost]


def test_a_dial_after_a_hanging_one_has_its_own_result(slow: tuple[SlowResolver, Any], drive: Drive) -> None:
    resolver, server = slow
    driver = drive(dial_timeout_s=10.0)
    driver.dial("ws://slow.example/")
    assert resolver.asked.acquire(timeout=10)
    driver.close()
    driver.dial("ws://slow.example/")
    resolver.release.set()
    driver.run(lambda: any(getattr(event, "subprotocol", 0) is None for event in driver.events))
    assert driver.events[-1].epoch == 2
    assert server.accepted == 1


def test_hanging_look_ups_are_bounded(slow: tuple[SlowResolver, Any], drive: Drive) -> None:
    resolver, _ = slow
    driver = drive()
    for _ in range(MAX_LATE):
        driver.dial("ws://slow.example/")
        driver.close()
    assert len(driver.transport.fds()) == MAX_LATE
    lost = driver.lost("ws://slow.example/")
    assert lost.failure.kind is FailureKind.TIMEOUT
    assert "resolver" in lost.failure.text
    resolver.release.set()
    driver.run(lambda: driver.transport.fds() == [])
    driver.open("ws://slow.example/")


def test_an_aborted_transport_leaves_nothing_to_a_hanging_resolver(
    slow: tuple[SlowResolver, Any], drive: Drive
) -> None:
    resolver, server = slow
    driver = drive()
    driver.dial("ws://slow.example/")
    threads = [thread for thread in threading.enumerate() if thread.name == "dial-1"]
    driver.transport.abort()
    assert driver.transport.fds() == []
    assert driver.transport.poll() == []
    resolver.release.set()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert server.accepted == 0
