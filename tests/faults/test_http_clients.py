"""Rows of HTTP clients: 45 slow ones, two hundred at once · 47 bodies of a gigabyte, and deep ones."""

import contextlib
import http.client
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import trustme
from rows import OTHERS, House
from server import TOKEN, Server, running

pytestmark = [pytest.mark.serial, pytest.mark.usefixtures("undisturbed")]

SLOW, WATCHED_S = 200, 4.0
DRIP_S = 0.5
HEAD = f"GET /health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nX-Slow: "
GIB = 1 << 30
BLOCK = b" " * (1 << 16)
MEMORY_BYTES = 32 << 20
# The limit of a body twice, what is read so that the answer arrives, and the buffers of both sockets.
TAKEN_BYTES = 32 << 20
PATH = "/api/v1/instances"


@contextlib.contextmanager
def dripping(server: Server) -> Iterator[list[socket.socket]]:
    """Clients that send a byte of a header now and then and never end; one that is shut out comes again."""

    def begun() -> socket.socket:
        connection = server.connection(10)
        connection.connect()
        connection.sock.sendall(HEAD.encode())
        return connection.sock

    stop, clients = threading.Event(), [begun() for _ in range(SLOW)]

    def drip() -> None:
        while not stop.wait(DRIP_S):
            for number, one in enumerate(clients):
                try:
                    one.send(b"x")
                except OSError:
                    one.close()
                    clients[number] = begun()

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield clients
    finally:
        stop.set()
        thread.join(10)
        for one in clients:
            one.close()


def p99_beside_slow_clients(house: House, server: Server) -> float:
    """Of `GET /health`, in seconds."""
    with dripping(server):
        times_s, end_s = [], time.monotonic() + WATCHED_S
        while (asked_s := time.monotonic()) < end_s:
            assert server.call("GET", "/health", timeout_s=30).status == 200
            times_s.append(time.monotonic() - asked_s)
    times_s.sort()
    p50_s, p99_s, most_s = times_s[len(times_s) // 2], times_s[int(0.99 * len(times_s))], times_s[-1]
    house.tell(f"row 45 {server.url}", p50_ms=1000 * p50_s, p99_ms=1000 * p99_s, most_ms=1000 * most_s)
    return p99_s


def test_row_45_two_hundred_slow_clients_leave_the_others_served(house: House) -> None:
    assert p99_beside_slow_clients(house, house.server) <= 0.1


def test_row_45_under_tls_as_well(house: House, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    with running(tmp_path, http__tls_cert_file=str(cert), http__tls_key_file=str(key)) as server:
        assert p99_beside_slow_clients(house, server) <= 0.1


def flood(port: int, framing: str, body: Iterator[bytes]) -> tuple[int, int]:
    """Sends a body until the server has enough of it: the status, and how many bytes it took."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n{framing}\r\n"
    head += "Content-Type: application/json\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 30) as client:
        client.sendall(head.encode())
        sent = 0
        with contextlib.suppress(OSError):
            for block in body:
                # What it says while we are still sending is the answer.
                if select.select([client], [], [], 0)[0]:
                    break
                client.sendall(block)
                sent += len(block)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        return answer.status, sent


def plain_body() -> Iterator[bytes]:
    return (BLOCK for _ in range(GIB // len(BLOCK)))


def chunked_body() -> Iterator[bytes]:
    chunk = b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK)
    return (chunk for _ in range(GIB // len(BLOCK)))


@pytest.mark.parametrize(
    ("framing", "body"),
    [(f"Content-Length: {GIB}", plain_body), ("Transfer-Encoding: chunked", chunked_body)],
    ids=["length", "chunked"],
)
def test_row_47_a_body_of_a_gigabyte_is_refused_unread(
    house: House, framing: str, body: Callable[[], Iterator[bytes]]
) -> None:
    web = psutil.Process(house.server.pid_of("web"))
    before = web.memory_info().rss
    status, taken = flood(house.server.port, framing, body())
    grown = web.memory_info().rss - before
    house.tell(f"row 47 {framing}", taken_MiB=taken / 2**20, grown_MiB=grown / 2**20)
    assert status == 413
    assert taken < TAKEN_BYTES
    assert grown < MEMORY_BYTES
    assert house.server.call("GET", "/health").status == 200


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
def test_row_47_deep_json_is_refused(house: House, opening: bytes) -> None:
    """As deep as the largest body allows."""
    deep = opening * (1_000_000 // len(opening))
    answer = house.server.call("POST", PATH, deep)
    assert (answer.status, answer.body["code"]) == (400, "invalid_json"), answer.raw
    path = f"{PATH}/{OTHERS[0]}/messages"
    # Well-formed this time, and for an instance.
    closed = b'{"content":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert house.server.call("POST", path, closed).status == 400
    assert house.server.call("GET", "/health").status == 200
