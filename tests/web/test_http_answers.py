"""What every answer has in common, and clients that behave oddly."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core import messages as m
from tests.web.conftest import DEADLINE_S, Live
from tests.web.fakes import done, snapshot
from tests.web.rawhttp import exchange, head, responses

SECURITY = (
    "x-content-type-options",
    "x-frame-options",
    "content-security-policy",
    "referrer-policy",
    "cache-control",
)


@pytest.fixture(autouse=True)
def instance_a(live: Live) -> None:
    live.put(snapshot("a"))


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


@pytest.mark.parametrize("raw", [b"GET /health HTTP/1.1\r\n\r\n", head("GET /health", "X-Y: =?bogus?q?a?=")])
def test_what_cherrypy_refuses_by_itself_is_not_padded_either(live: Live, raw: bytes) -> None:
    [(status, headers, body)] = responses(exchange(live, raw))
    assert (status, body) == (400, body.strip())
    assert int(headers["content-length"]) == len(body)


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
    held: list[Any] = []

    def hold(command: Any) -> None:
        held.append(command)
        entered.set()

    live.root.hooks[m.ForceRetry] = hold
    with socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) as sock:
        sock.sendall(head("POST /force-retry/a", f"X-Api-Key: {live.admin}"))
        assert entered.wait(DEADLINE_S)
    del live.root.hooks[m.ForceRetry]
    live.root.box.put(done(held[0]))
    assert live.http.get("/health").status_code == 200
