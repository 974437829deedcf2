"""Bodies over real sockets: none, in chunks, too large, cut, of the wrong kind."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.web.conftest import DEADLINE_S, Live
from tests.web.fakes import snapshot
from tests.web.rawhttp import exchange, head, only


@pytest.fixture(autouse=True)
def instance_a(live: Live) -> None:
    live.put(snapshot("a"))


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


@pytest.mark.parametrize("body", [b"", b"{bad", b'{"zz":1}', b"[]"])
@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("POST", "/connect"),
        ("POST", "/disconnect"),
        ("POST", "/restart"),
        ("POST", "/messages"),
        ("POST", "/force-retry"),
        ("POST", "/reset-circuit-breaker"),
        ("PATCH", ""),
        ("DELETE", ""),
    ],
)
def test_the_id_is_judged_before_the_body(live: Live, method: str, action: str, body: bytes) -> None:
    path = f"/api/v1/instances/nobody{action}"
    reply = live.http.request(method, path, content=body, headers=live.auth())
    assert (reply.status_code, reply.json()["code"]) == (404, "instance_not_found"), reply.content
