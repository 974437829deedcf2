"""Requests that two parsers could understand differently, or none at all."""

import json

import pytest

from tests.web.conftest import Live
from tests.web.fakes import snapshot
from tests.web.rawhttp import exchange, head, only, responses


@pytest.fixture(autouse=True)
def instance_a(live: Live) -> None:
    live.put(snapshot("a"))


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
