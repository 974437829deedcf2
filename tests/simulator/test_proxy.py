"""The fault proxy between a client and an upstream."""

import base64
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simulator.client import Listener, Proxy, Simulator

DEADLINE_S = 20.0
FIN, TEXT, CLOSE = 0x80, 0x1, 0x8
Dial = Callable[..., Any]


@pytest.fixture
def proxy(simulator: Simulator, upstream: Listener) -> Iterator[Proxy]:
    made = simulator.proxy(upstream.port)
    yield made
    made.close()


def test_bytes_pass_both_ways_and_are_counted(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    upstream.set_behaviour(echo=True)
    client = dial(port=proxy.port).open()
    before = proxy.stats()
    client.send_text("through")
    assert client.frame() == (FIN | TEXT, b"through")
    stats = proxy.stats()
    assert (stats.connections, stats.connections_now, stats.tunnels) == (1, 1, 1)
    assert stats.bytes_to_target - before.bytes_to_target == 2 + 4 + len("through")
    assert stats.bytes_to_client - before.bytes_to_client == 2 + len("through")


def test_ends_are_passed_on(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    client = dial(port=proxy.port).open()
    client.close()
    upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    proxy.wait_for(lambda seen: seen.connections_now == 0, DEADLINE_S)
    for how, end in (("drop", "eof"), ("reset", "reset")):
        client = dial(port=proxy.port).open()
        upstream.drop(how)
        assert client.end() == end
    client.close()
    proxy.wait_for(lambda seen: seen.connections_now <= 1, DEADLINE_S)


def test_latency_delays_each_direction(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    client = dial(port=proxy.port).open()
    proxy.set(latency_ms=150)
    begun_s = time.monotonic()
    assert client.ping()
    assert time.monotonic() - begun_s >= 0.3
    proxy.set(latency_ms=0)
    assert client.ping()


def test_latency_does_not_lower_the_rate(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    proxy.set(latency_ms=100)
    client = dial(port=proxy.port).open()
    begun_s = time.monotonic()
    for _ in range(50):
        client.send_frame(0x9, b"?")
    assert [client.frame()[1] for _ in range(50)] == [b"?"] * 50
    assert time.monotonic() - begun_s < 50 * 0.2 / 2


def test_slices_of_one_byte_arrive_whole(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    upstream.set_behaviour(echo=True)
    proxy.set(slice_bytes=1)
    client = dial(port=proxy.port).open()
    client.send_text("one byte at a time")
    assert client.frame() == (FIN | TEXT, b"one byte at a time")


def test_bandwidth_is_limited(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    client = dial(port=proxy.port).open()
    proxy.set(bandwidth_bytes_per_s=20_000, slice_bytes=1000)
    begun_s = time.monotonic()
    upstream.send("x" * 10_000)
    assert len(client.frame()[1]) == 10_000
    assert time.monotonic() - begun_s >= 0.4


def test_a_blackhole_forwards_nothing_and_keeps_tcp(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    client = dial(port=proxy.port).open()
    proxy.set(blackhole=True)
    client.send_text("lost for now")
    upstream.send("lost too")
    assert client.hears_nothing()
    assert upstream.instance("a").received == 0
    new = dial("b", port=proxy.port)
    new.request()
    assert new.hears_nothing()
    assert upstream.instance("b").dials == 0
    proxy.set(blackhole=False)
    assert client.frame() == (FIN | TEXT, b"lost too")
    assert new.head()[0] == 101
    upstream.wait_instance("a", lambda seen: seen.texts == ["lost for now"], DEADLINE_S)


@pytest.mark.parametrize(("how", "end"), [("reset", "reset"), ("close", "eof")])
def test_cut_ends_both_sides(upstream: Listener, proxy: Proxy, dial: Dial, how: str, end: str) -> None:
    client = dial(port=proxy.port).open()
    assert proxy.cut(how) == 1
    assert client.end() == end
    upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S)
    assert proxy.stats().connections_now == 0


def test_cut_works_in_a_blackhole(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    client = dial(port=proxy.port).open()
    proxy.set(blackhole=True)
    assert proxy.cut() == 1
    assert client.end() == "reset"
    proxy.wait_for(lambda seen: seen.connections_now == 0, DEADLINE_S)


def test_half_close_toward_the_client(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    client = dial(port=proxy.port).open()
    assert proxy.cut("half_close", toward="client") == 1
    assert client.end() == "eof"
    client.send_text("still heard")
    upstream.wait_instance("a", lambda seen: seen.texts == ["still heard"], DEADLINE_S)


def test_half_close_toward_the_target(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    client = dial(port=proxy.port).open()
    proxy.cut("half_close", toward="target")
    assert client.end() == "eof"
    assert (
        upstream.wait_instance("a", lambda seen: seen.sockets_now == 0, DEADLINE_S).sockets[0].ended_by
        == "client"
    )


def test_an_unreachable_target_resets(upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    upstream.set_fault("refuse")
    with pytest.raises(ConnectionResetError):
        dial(port=proxy.port).exactly(1)
    proxy.wait_for(lambda seen: (seen.unreachable, seen.broken) == (1, 1), DEADLINE_S)


def test_a_target_can_be_replaced(simulator: Simulator, upstream: Listener, proxy: Proxy, dial: Dial) -> None:
    other = simulator.listener()
    proxy.set(target_port=other.port)
    assert dial(port=proxy.port).open().ping()
    assert (other.stats().dials, upstream.stats().dials) == (1, 0)
    other.close()


def connect_request(proxy: Proxy, target: str, *headers: str) -> tuple[int, socket.socket]:
    """Ask for a tunnel; the status and the socket."""
    connection = socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S)
    connection.sendall(
        "\r\n".join([f"CONNECT {target} HTTP/1.1", f"Host: {target}", *headers, "", ""]).encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1) or pytest.fail(f"EOF after {head!r}")
    return int(head.split(b" ")[1]), connection


def basic(username: str, password: str) -> str:
    return "Proxy-Authorization: Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def test_connect_opens_a_tunnel(simulator: Simulator, upstream: Listener) -> None:
    proxy = simulator.proxy()
    target = f"127.0.0.1:{upstream.port}"
    status, tunnel = connect_request(proxy, target)
    with tunnel:
        assert status == 200
        tunnel.sendall(b"GET /ws/a HTTP/1.1\r\n\r\n")
        assert tunnel.recv(12) == b"HTTP/1.1 426"
    assert proxy.stats().targets == {target: 1}
    proxy.close()


def test_connect_with_credentials(simulator: Simulator, upstream: Listener) -> None:
    proxy = simulator.proxy(username="u", password="p:w")
    target = f"127.0.0.1:{upstream.port}"
    answers = []
    for headers in ((), (basic("u", "wrong"),), (basic("u", "p:w"),)):
        status, tunnel = connect_request(proxy, target, *headers)
        tunnel.close()
        answers.append(status)
    assert answers == [407, 407, 200]
    stats = proxy.stats()
    assert (stats.connections, stats.rejected, stats.tunnels) == (3, 2, 1)
    assert "password" not in stats.settings
    proxy.close()


@pytest.mark.parametrize(
    ("target", "status"), [("127.0.0.1", 400), ("127.0.0.1:0", 400), ("127.0.0.1:x", 400), (":80", 400)]
)
def test_connect_refuses_bad_targets(simulator: Simulator, target: str, status: int) -> None:
    proxy = simulator.proxy()
    found, connection = connect_request(proxy, target)
    connection.close()
    assert found == status
    proxy.close()


def test_connect_answers_other_methods_statuses_and_dead_targets(
    simulator: Simulator, upstream: Listener
) -> None:
    proxy = simulator.proxy()
    with socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S) as connection:
        connection.sendall(b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 405"
    upstream.set_fault("refuse")
    status, connection = connect_request(proxy, f"127.0.0.1:{upstream.port}")
    connection.close()
    assert status == 502
    proxy.set(connect_status=503)
    status, connection = connect_request(proxy, f"127.0.0.1:{upstream.port}")
    connection.close()
    assert status == 503
    assert simulator.errors() == []
    proxy.close()


def test_a_closed_proxy_ends_its_connections(simulator: Simulator, upstream: Listener, dial: Dial) -> None:
    proxy = simulator.proxy(upstream.port)
    client = dial(port=proxy.port).open()
    proxy.close()
    assert client.end() in ("eof", "reset")
    with pytest.raises(ConnectionRefusedError):
        dial(port=proxy.port)
    assert simulator.errors() == []
