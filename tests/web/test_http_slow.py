"""Clients that send their heads slowly: more than there are workers hold up nobody, and none stays long."""

import io
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from tests.web.conftest import DEADLINE_S, Live, secret_in
from tests.web.rawhttp import only


@pytest.fixture(scope="module", params=["plain", "tls"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    one = Live(secret_in(tmp_path_factory.mktemp("tls")) if request.param == "tls" else None)
    one.start()
    yield one
    one.close()


def connected(live: Live) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", live.port), DEADLINE_S)
    return sock if live.tls is None else live.tls.wrap_socket(sock, server_hostname="127.0.0.1")


def all_of(client: socket.socket) -> bytes:
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    return data


def hello(live: Live) -> bytes:
    """What a TLS client says first."""
    assert live.tls is not None
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        live.tls.wrap_bio(coming, going, server_hostname="127.0.0.1").do_handshake()
    return going.read()


def served_at_once(live: Live) -> None:
    """On a connection of its own."""
    asked_s = time.monotonic()
    assert live.http.get("/health", headers={"Connection": "close"}).status_code == 200
    assert time.monotonic() - asked_s < live.site.settings.now.http.socket_timeout_s / 2


@pytest.mark.parametrize("live", ["tls"], indirect=True)
@pytest.mark.parametrize("whole", [False, True], ids=["a part of a hello", "a hello and nothing more"])
def test_more_unfinished_handshakes_than_workers_hold_up_nobody(live: Live, whole: bool) -> None:
    said = hello(live)
    clients = [
        socket.create_connection(("127.0.0.1", live.port), DEADLINE_S)
        for _ in range(3 * live.site.settings.now.http.threads)
    ]
    for one in clients:
        one.sendall(said if whole else said[:-1])
    served_at_once(live)
    for one in clients:
        one.settimeout(DEADLINE_S)
        assert all_of(one)[:1] in (b"", b"\x16")  # nothing, or the server's part; and then the end
        one.close()


@pytest.mark.parametrize("live", ["tls"], indirect=True)
def test_what_speaks_http_to_a_tls_port_is_told_so_by_the_selector(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert only(all_of(client))[2]["message"] == "This port speaks HTTPS"


def test_more_slow_clients_than_workers_hold_up_nobody(live: Live) -> None:
    clients = [connected(live) for _ in range(3 * live.site.settings.now.http.threads)]
    for one in clients:
        one.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    for _ in range(3):
        for one in clients:
            one.sendall(b"x")
        served_at_once(live)
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


def test_a_request_in_one_piece_with_the_body_before_it_is_answered(live: Live) -> None:
    """Under TLS it is decrypted with that body, and then no socket says that it is there."""
    body = b" " * io.DEFAULT_BUFFER_SIZE  # what the reader asks TLS for at once
    first = b"POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with connected(live) as client:
        client.sendall(first)
        client.sendall(body + last)
        answers = all_of(client)
    assert (answers.count(b"HTTP/1.1 405"), answers.count(b"HTTP/1.1 200")) == (1, 1), answers
