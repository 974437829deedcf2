"""The control API over plain HTTP: every refusal says what is wrong, where, and what is allowed."""

import json
import socket
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from simulator.client import Listener, Proxy, Simulator, SimulatorError
from simulator.control import BODY_BYTES

DEADLINE_S = 20.0


def ask(simulator: Simulator, method: str, path: str, body: bytes | None = None) -> tuple[int, Any, Any]:
    """Status, JSON and headers of the answer."""
    request = urllib.request.Request(simulator.control_url + path, method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return response.status, json.load(response), response.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


def raw(simulator: Simulator, sent: bytes) -> bytes:
    parts = urlsplit(simulator.control_url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), DEADLINE_S) as connection:
        connection.sendall(sent)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        pytest.param("GET", "/nothing", None, 404, "/listeners", id="unknown path"),
        pytest.param("GET", "/listeners/1/stats/x", None, 404, "no such path", id="too deep"),
        pytest.param("GET", "/listeners/1", None, 404, "no listener on port '1'", id="unknown port"),
        pytest.param("GET", "/listeners/x", None, 404, "no listener on port 'x'", id="port is no number"),
        pytest.param("DELETE", "/proxies/1", None, 404, "no proxy on port '1'", id="unknown proxy"),
        pytest.param("PATCH", "/listeners", None, 405, "GET, POST", id="method"),
        pytest.param("POST", "/listeners", b"{", 400, "not JSON", id="broken JSON"),
        pytest.param("POST", "/listeners", b"[" * 100_000, 400, "not JSON", id="deep JSON"),
        pytest.param("POST", "/listeners", b"[]", 400, "expected a JSON object", id="no object"),
        pytest.param("POST", "/listeners", b'{"port":65536}', 400, "0 to 65535", id="bad value"),
        pytest.param("POST", "/proxies", b'{"port":true}', 400, "proxy.port", id="proxy port"),
        pytest.param("POST", "/proxies", b"{}", 400, "target_port", id="proxy without target"),
        pytest.param("POST", "/proxies", b"[]", 400, "JSON object", id="proxy is no object"),
    ],
)
def test_wrong_requests_are_refused(
    simulator: Simulator, method: str, path: str, body: bytes | None, status: int, named: str
) -> None:
    found, content, headers = ask(simulator, method, path, body)
    assert found == status
    assert named in content["error"]
    assert headers["Content-Type"] == "application/json"
    assert status != 405 or headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        pytest.param("PUT", "/fault", b'{"kind":"?"}', 400, "refuse", id="fault"),
        pytest.param("PUT", "/instances/a/fault", b"{}", 400, "kind", id="instance fault"),
        pytest.param("DELETE", "/instances/a/fault", None, 404, "no fault of its own", id="nothing to clear"),
        pytest.param("PUT", "/behaviour", b'{"echo":"yes"}', 400, "true or false", id="behaviour"),
        pytest.param("POST", "/push", b'{"rate_per_s":0}', 400, "0.001 to 100000", id="rate"),
        pytest.param("POST", "/push", b'{"instances":"a"}', 400, "a list", id="instances"),
        pytest.param("GET", "/push/1", None, 404, "no push '1'", id="unknown push"),
        pytest.param("GET", "/push/x", None, 404, "no push 'x'", id="push is no number"),
        pytest.param("POST", "/send", b'{"base64":"%"}', 400, "send.base64", id="base64"),
        pytest.param("POST", "/drop", b'{"how":"softly"}', 400, "drop, reset, close", id="drop"),
    ],
)
def test_wrong_requests_to_a_listener_are_refused(
    simulator: Simulator,
    upstream: Listener,
    method: str,
    path: str,
    body: bytes | None,
    status: int,
    named: str,
) -> None:
    found, content, _ = ask(simulator, method, f"/listeners/{upstream.port}{path}", body)
    assert (found, named in content["error"]) == (status, True), content


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"hello\r\n\r\n", b"400", id="no HTTP"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400", id="length"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES + 1), b"413", id="big body"
        ),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"431", id="big head"),
    ],
)
def test_broken_http_is_answered(simulator: Simulator, sent: bytes, status: bytes) -> None:
    assert raw(simulator, sent).startswith(b"HTTP/1.1 " + status)
    assert simulator.errors() == []


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(simulator: Simulator) -> None:
    parts = urlsplit(simulator.control_url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), DEADLINE_S) as connection:
        connection.sendall(b"POST /listeners HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
    assert simulator.errors() == []


def test_a_taken_port_is_a_conflict(simulator: Simulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for make in (lambda: simulator.listener(port=port), lambda: simulator.proxy(1, port=port)):
            with pytest.raises(SimulatorError, match="in use") as caught:
                make()
            assert caught.value.status == 409


def test_listeners_and_proxies_are_listed_until_closed(simulator: Simulator, upstream: Listener) -> None:
    proxy = simulator.proxy(upstream.port)
    assert {"port": upstream.port, "url": upstream.url} in ask(simulator, "GET", "/listeners")[1]
    assert ask(simulator, "GET", "/proxies")[1] == [{"port": proxy.port}]
    about = ask(simulator, "GET", "/")[1]
    assert about["pid"] == simulator.pid
    assert upstream.port in about["listeners"]
    assert about["proxies"] == [proxy.port]
    proxy.close()
    assert ask(simulator, "GET", "/proxies")[1] == []


def test_a_port_can_be_chosen_and_used_again(simulator: Simulator) -> None:
    first = simulator.listener()
    first.close()
    again = simulator.listener("http", port=first.port, status=418)
    assert again.port == first.port
    assert again.stats().fault["status"] == 418
    again.close()


def test_a_simulator_that_is_gone_is_named(simulator: Simulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(SimulatorError, match="does not answer"):
        Listener(url, 1, "ws://127.0.0.1:1").stats()
    with pytest.raises(SimulatorError, match="does not answer"):
        Proxy(url, 1).stats()


def test_waiting_for_what_never_comes_shows_what_was_seen(upstream: Listener) -> None:
    with pytest.raises(TimeoutError, match=r"not within 0\.1 s; last seen: ListenerStats\("):
        upstream.wait_for(lambda seen: seen.dials == 1, 0.1)
