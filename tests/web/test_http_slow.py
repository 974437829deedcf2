"""Clients that send their heads slowly: more than there are workers hold up nobody, and none stays long."""

import socket
import time

import pytest

from tests.web.conftest import DEADLINE_S, Live
from tests.web.rawhttp import only


def connected(live: Live) -> socket.socket:
    place = live.server.places[0].url.removeprefix("http://").rstrip("/")
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), DEADLINE_S)


def all_of(client: socket.socket) -> bytes:
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    return data


def test_more_slow_clients_than_workers_hold_up_nobody(live: Live) -> None:
    clients = [connected(live) for _ in range(3 * live.site.settings.now.http.threads)]
    for one in clients:
        one.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    for _ in range(3):
        for one in clients:
            one.sendall(b"x")
        asked_s = time.monotonic()
        assert live.http.get("/health").status_code == 200
        assert time.monotonic() - asked_s < live.site.settings.now.http.socket_timeout_s / 2
    for one in clients:
        one.close()


@pytest.mark.parametrize("head", [b"GET /health HTT", b"GET /health HTTP/1.1\r\nHost: x\r\n"])
def test_a_head_that_does_not_come_in_time_is_408_though_every_byte_does(live: Live, head: bytes) -> None:
    with connected(live) as client:
        client.sendall(head)
        until_s = time.monotonic() + live.site.settings.now.http.socket_timeout_s - 1
        while time.monotonic() < until_s:
            client.sendall(b"x")
            time.sleep(0.2)  # the pace of the client
        status, headers, body = only(all_of(client))
    assert (status, body["code"], headers["connection"]) == (408, "request_timeout", "close")


def test_a_head_in_pieces_is_one_request_and_the_next_one_follows(live: Live) -> None:
    raw = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(live) as client:
        for number in range(len(raw)):
            client.sendall(raw[number : number + 1])
        client.sendall(raw[:10])
        first = b""
        while not first.endswith(b"}}"):
            more = client.recv(65536)
            assert more, first
            first += more
        assert first.startswith(b"HTTP/1.1 200")
        client.sendall(raw[10:].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert all_of(client).startswith(b"HTTP/1.1 200")
