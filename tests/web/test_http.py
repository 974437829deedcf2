"""Over real sockets: what CherryPy and cheroot do wrong by default, and what a hostile client tries."""

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import messages as m
from tests.web.conftest import DEADLINE_S, Live
from tests.web.fakes import snapshot

SECURITY = (
    "x-content-type-options",
    "x-frame-options",
    "content-security-policy",
    "referrer-policy",
    "cache-control",
)


def exchange(live: Live, raw: bytes, *, half_close: bool = True) -> bytes:
    """Send bytes, read until the server closes."""
    with socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) as sock:
        sock.sendall(raw)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        received = b""
        while data := sock.recv(65536):
            received += data
    return received


def responses(raw: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """Every response in the bytes (all of them carry a Content-Length)."""
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        length = int(headers["content-length"])
        found.append((int(lines[0].split()[1]), headers, rest[:length]))
        raw = rest[length:]
    return found


def only(raw: bytes) -> tuple[int, dict[str, str], Any]:
    found = responses(raw)
    assert len(found) == 1, raw
    status, headers, body = found[0]
    return status, headers, json.loads(body)


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", *headers, "", ""]).encode("latin-1")


@pytest.fixture(autouse=True)
def instance_a(live: Live) -> None:
    live.put(snapshot("a"))


# ── bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "arguments",
    [
        ["-X", "POST"],
        ["-d", ""],
        ["-X", "POST", "-H", "Content-Length: 0"],
        ["-d", "", "-H", "Transfer-Encoding: chunked"],
        ["-X", "POST", "--http1.0"],
        ["-d", "x=1"],
        ["-X", "POST", "-H", "Expect: 100-continue", "-d", "{}"],
    ],
    ids=" ".join,
)
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_posts_without_a_body(live: Live, arguments: list[str]) -> None:
    url = f"{live.server.places[0].url}/force-retry/a?access_token={live.admin}"
    command = ["curl", "-sS", "-m", "15", "-w", "\n%{http_code}", *arguments, url]
    out = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=True).stdout
    assert out == (
        b'{"status":"success","message":"Retry initiated successfully",'
        b'"data":{"success":true,"session_created":true}}\n200'
    )


def test_json_in_chunks(live: Live) -> None:
    def body() -> Iterator[bytes]:
        yield b'{"id":"chunked","link":"web'
        yield b'socket","url":"ws://h/"}'

    headers = live.auth() | {"Content-Type": "application/json"}
    assert live.http.post("/api/v1/instances", content=body(), headers=headers).status_code == 201


def test_a_body_above_the_limit_is_413_json(live: Live) -> None:
    limit = live.site.settings.now.http.max_body_bytes
    headers = live.auth() | {"Content-Type": "application/json"}
    reply = live.http.post("/api/v1/instances", content=b"x" * (limit + 1), headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")


def test_a_chunked_body_above_the_limit_is_413_json(live: Live) -> None:
    limit = live.site.settings.now.http.max_body_bytes
    raw = head("POST /api/v1/instances", f"Authorization: Bearer {live.admin}", "Transfer-Encoding: chunked")
    raw += b"%x\r\n" % (limit + 1) + b"x" * (limit + 1) + b"\r\n0\r\n\r\n"
    status, _, body = only(exchange(live, raw))
    assert (status, body["code"]) == (413, "body_too_large")


def test_a_huge_declared_length_is_refused_before_it_comes(live: Live) -> None:
    line = "POST /api/v1/instances"
    raw = head(
        line,
        f"Authorization: Bearer {live.admin}",
        "Content-Length: 1073741824",
        "Content-Type: application/json",
    )
    status, headers, body = only(exchange(live, raw + b"x" * 1000))
    assert (status, body["code"]) == (413, "body_too_large")
    assert headers["connection"] == "close"


def test_a_huge_body_of_a_stranger_is_not_read(live: Live) -> None:
    status, headers, body = only(
        exchange(live, head("POST /force-retry/a", "Content-Length: 999999999999") + b"x")
    )
    assert (status, body["code"]) == (401, "unauthorized")
    assert headers["connection"] == "close"


def test_a_huge_chunk_is_refused(live: Live) -> None:
    raw = head("POST /force-retry/a", f"X-Api-Key: {live.admin}", "Transfer-Encoding: chunked")
    status, _, body = only(exchange(live, raw + b"7fffffffffffffff\r\nxxxx"))
    assert (status, body["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("chunk", [b"zz\r\n", b"-1\r\nx", b"5\r\nabcdeXX", b"5\r\nab", b""])
def test_broken_chunks_are_never_a_crash(live: Live, chunk: bytes) -> None:
    raw = head("POST /api/v1/instances", f"X-Api-Key: {live.admin}", "Transfer-Encoding: chunked") + chunk
    status, _, body = only(exchange(live, raw))
    assert (status // 100, body["status"]) == (4, "error")


def test_a_body_that_is_cut_is_400(live: Live) -> None:
    raw = head("POST /force-retry/a", f"X-Api-Key: {live.admin}", "Content-Length: 10") + b"abc"
    status, _, body = only(exchange(live, raw))
    assert (status, body["code"]) == (400, "bad_request")


def test_a_body_that_never_comes_is_408(live: Live) -> None:
    raw = head("POST /force-retry/a", f"X-Api-Key: {live.admin}", "Content-Length: 10") + b"abc"
    status, _, body = only(exchange(live, raw, half_close=False))
    assert (status, body["code"]) == (408, "request_timeout")


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"[" * 100000, 400),
        ("application/json", b'{"a":1,"a":2}', 400),
        ("application/json", b"{}", 422),
        ("text/plain", b"{}", 415),
        ("application/x-www-form-urlencoded", b"id=a", 415),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--\r\n", 415),
    ],
)
def test_wrong_bodies(live: Live, content_type: str, content: bytes, status: int) -> None:
    headers = live.auth() | {"Content-Type": content_type}
    reply = live.http.post("/api/v1/instances", content=content, headers=headers)
    assert reply.status_code == status
    assert list(reply.json()) == ["status", "code", "message", "details"]


# ── smuggling and malformed requests ─────────────────────────────────────────────────────────────────────────────

SMUGGLED = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 4", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding: chunked", "Content-Length: 4"],
        ["Content-Length: 4", "Content-Length: 40"],
        ["Content-Length: 4", "Content-Length: 4"],
        ["Content-Length: 4, 40"],
        ["Content-Length: +4"],
        ["Content-Length: -4"],
        ["Content-Length: 4_0"],
        ["Content-Length: 0x4"],
        ["Content-Length: "],
        ["Content-Length : 4"],
        ["Content-Length: 99999999999999999999"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: chunked, chunked"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding:\x0bchunked"],
        ["X: a", " folded: b"],
        ["X: a\x00b"],
        ["no colon"],
        [": empty"],
        ["X Y: a"],
        ["Host: y"],
        ["Authorization: Bearer a", "Authorization: Bearer b"],
    ],
    ids=str,
)
def test_ambiguous_requests_are_400_and_nothing_follows(live: Live, headers: list[str]) -> None:
    raw = head("POST /health", *headers) + b"0\r\n\r\n" + SMUGGLED.encode()
    status, answered, body = only(exchange(live, raw))
    assert (status, body["status"], answered["content-type"]) == (400, "error", "application/json")
    assert answered["connection"] == "close"


def test_trailers_of_a_chunked_body_are_no_request(live: Live) -> None:
    raw = head("POST /force-retry/a", f"X-Api-Key: {live.admin}", "Transfer-Encoding: chunked")
    found = responses(exchange(live, raw + b"0\r\n" + SMUGGLED.encode()))
    assert [status for status, _, _ in found] == [200]
    assert b"Retry initiated" in found[0][2]


def test_an_unread_body_is_no_request(live: Live) -> None:
    body = SMUGGLED.encode()
    raw = head("POST /force-retry/a", f"Content-Length: {len(body)}") + body + SMUGGLED.encode()
    assert [status for status, _, _ in responses(exchange(live, raw))] == [401, 200]


def test_an_unread_chunked_body_is_no_request(live: Live) -> None:
    raw = (
        head("POST /force-retry/a", "Transfer-Encoding: chunked")
        + b"5\r\nabcde\r\n0\r\n\r\n"
        + SMUGGLED.encode()
    )
    assert [status for status, _, _ in responses(exchange(live, raw))] == [401]


def test_pipelined_requests_are_answered_in_order(live: Live) -> None:
    raw = head("GET /health/live") + head("GET /nothing") + head("GET /health")
    assert [status for status, _, _ in responses(exchange(live, raw))] == [200, 404, 200]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/x.y\r\n\r\n",
        b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /#x HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: =?bogus?q?abc?=\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?a=%ff&access_token=%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /?" + b"9" * 5000 + b",1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nCookie: ;;;=;\x01\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_malformed_requests_get_json_and_no_crash(live: Live, raw: bytes) -> None:
    for status, headers, body in responses(exchange(live, raw)):
        assert status < 500, body
        assert headers["content-type"] == "application/json"
        assert json.loads(body)["status"] == ("success" if status == 200 else "error")


@pytest.mark.parametrize("size", [40_000, 200_000])
def test_oversized_headers_are_413_json(live: Live, size: int) -> None:
    status, _, body = only(exchange(live, head("GET /health", "X: " + "a" * size)))
    assert (status, body["code"]) == (413, "headers_too_large")


def test_a_header_with_an_underscore_is_not_the_one_with_a_dash(live: Live) -> None:
    status, _, _ = only(
        exchange(live, head("GET /api/v1/server", f"X_Api_Key: {live.admin}", "Connection: close"))
    )
    assert status == 401


def test_http_1_0_works_and_closes(live: Live) -> None:
    received = exchange(
        live, b"GET /health/live HTTP/1.0\r\n\r\n", half_close=False
    )  # returns once it is closed
    status, _, body = only(received)
    assert (status, body["status"]) == (200, "success")


# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/nothing"),
        ("DELETE", "/health"),
        ("GET", "/api/v1/server"),
        ("POST", "/health/live"),
    ],
)
def test_every_answer_is_json_with_security_headers_and_no_padding(
    live: Live, method: str, path: str
) -> None:
    reply = live.http.request(method, path)
    assert reply.headers["content-type"] == "application/json"
    assert set(SECURITY) <= set(reply.headers)
    assert reply.headers["server"] == "sambung"
    assert reply.content == reply.content.strip()
    assert int(reply.headers["content-length"]) == len(reply.content)


@pytest.mark.parametrize(
    "path", ["/", "/health", "/health/ready", "/circuit-breaker-status/a", "/api/v1/instances"]
)
def test_head_has_the_headers_of_get_and_no_body(live: Live, path: str) -> None:
    get, answer = live.http.get(path, headers=live.auth()), live.http.head(path, headers=live.auth())
    assert (answer.status_code, answer.content) == (get.status_code, b"")
    assert answer.headers["content-type"] == get.headers["content-type"]


def test_reason_phrases_are_the_same_on_every_python(live: Live) -> None:
    assert live.http.delete("/health").reason_phrase == "Method Not Allowed"
    headers = live.auth() | {"Content-Type": "application/json"}
    assert (
        live.http.post("/api/v1/instances", content=b"{}", headers=headers).reason_phrase
        == "Unprocessable Content"
    )


def test_a_crash_is_500_without_a_leak_and_the_log_has_the_stack(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    def crash(_command: Any) -> Any:
        raise RuntimeError("secret-detail")

    original = live.site.bridge.ask
    try:
        live.site.bridge.ask = crash  # type: ignore[assignment,method-assign]
        with caplog.at_level("ERROR", "sambung.web"):
            reply = live.http.post("/force-retry/a", headers=live.auth())
    finally:
        live.site.bridge.ask = original  # type: ignore[method-assign]
    assert (reply.status_code, reply.json()["code"]) == (500, "internal")
    assert b"secret-detail" not in reply.content
    assert b"Traceback" not in reply.content
    record = caplog.records[-1]
    assert record.exc_info is not None
    assert live.admin not in caplog.text


def test_the_connection_is_kept_between_requests(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) as sock:
        for _ in range(5):
            sock.sendall(head("GET /health/live"))
            received = b""
            while not received.endswith(b"}"):
                received += sock.recv(65536)
            assert received.startswith(b"HTTP/1.1 200 OK")


def test_100_idle_connections_delay_nobody(live: Live) -> None:
    idle = [socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) for _ in range(100)]
    try:
        assert live.http.get("/health").status_code == 200
    finally:
        for sock in idle:
            sock.close()


def test_many_clients_at_once(live: Live) -> None:
    live.root.hooks[m.ForceRetry] = lambda command: m.CommandReply(
        command.ref, False, "parked", command.instance_id
    )

    def ask(number: int) -> bool:
        name = f"i{number}"
        reply = live.http.post(f"/force-retry/{name}", headers=live.auth())
        return bool(reply.json()["message"] == name)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(100)))
    del live.root.hooks[m.ForceRetry]


def test_a_client_that_leaves_while_it_waits_harms_nobody(live: Live) -> None:
    entered = threading.Event()

    def hold(_command: Any) -> None:
        entered.set()

    live.root.hooks[m.ForceRetry] = hold
    with socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) as sock:
        sock.sendall(head("POST /force-retry/a", f"X-Api-Key: {live.admin}"))
        assert entered.wait(DEADLINE_S)
    del live.root.hooks[m.ForceRetry]
    assert live.http.get("/health").status_code == 200
