"""The web process from start to end: addresses, the CLI's token, signals, the access log, TLS."""

import contextlib
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from tests.web.conftest import DEADLINE_S, eventually

ROOT = Path(__file__).parents[2]


class Server:
    """One web process; `places`: its URLs."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.web.webprocess", str(folder), *arguments],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        places = folder / "places.json"
        eventually(lambda: places.exists() or self.process.poll() is not None)
        assert places.exists(), self.process.communicate()[1].decode()
        self.places: list[str] = json.loads(places.read_text())
        self.token = (folder / "cli-token").read_text().strip()

    def get(self, path: str, place: int = 0, **headers: str) -> httpx.Response:
        return httpx.get(self.places[place] + path, headers=headers, timeout=DEADLINE_S)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float, str]:
        """Exit code, seconds it took, what it wrote to stderr."""
        started_s = time.monotonic()
        self.process.send_signal(number)
        stderr = self.process.communicate(timeout=DEADLINE_S)[1].decode()
        return self.process.returncode, time.monotonic() - started_s, stderr

    def logged(self, name: str) -> str:
        path = self.folder / "logs" / name
        return path.read_text() if path.exists() else ""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.communicate()


def test_a_life_from_start_to_end(server: Server) -> None:
    for place in range(len(server.places)):
        assert server.get("/health", place).status_code == 200
    eventually(lambda: server.get("/health/ready").status_code == 200)

    token_file = server.folder / "cli-token"
    assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
    assert (
        server.get("/api/v1/server", Authorization=f"Bearer {server.token}").json()["data"]["version"]
        == "9.9"
    )
    assert server.get(f"/api/v1/server?access_token={server.token}").status_code == 200

    with socket.create_connection(
        ("127.0.0.1", int(server.places[0].rpartition(":")[2])), DEADLINE_S
    ) as sock:
        sock.sendall(b"what is this\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 400 ")
    a_second_one_on_the_same_port_says_why_it_cannot(server)
    code, took_s, stderr = server.stop()
    assert (code, stderr) == (0, "")
    assert took_s < 5
    check_access_log(server)


def a_second_one_on_the_same_port_says_why_it_cannot(server: Server) -> None:
    port = server.places[0].rpartition(":")[2]
    command = [sys.executable, "-m", "tests.web.webprocess", str(server.folder), port]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 1
    assert f"process {server.process.pid}" in done.stderr
    assert "Traceback" not in done.stderr
    # Its failed start left the running server's token alone.
    assert (server.folder / "cli-token").read_text().strip() == server.token


def check_access_log(server: Server) -> None:
    raw = server.logged("access.jsonl")
    lines = [json.loads(line) for line in raw.splitlines()]
    assert server.token not in raw + server.logged("sambung.log") + server.logged("events.jsonl")
    assert "access_token" not in raw
    assert ("-", 400) in {(line["method"], line["status"]) for line in lines}
    with_query = [line for line in lines if line["query"]]
    assert [(line["method"], line["path"], line["query"]) for line in with_query] == [
        ("GET", "/api/v1/server", "***")
    ]
    one = with_query[0]
    assert (one["status"], one["principal"], one["peer"]) == (200, "cli", "127.0.0.1")
    assert one["bytes"] > 0
    assert one["duration_ms"] >= 0


def test_a_stop_lets_requests_finish_ends_streams_and_takes_at_most_5_s(server: Server) -> None:
    eventually(lambda: server.get("/health/ready").status_code == 200)
    headers = {"Authorization": f"Bearer {server.token}"}
    answers: list[httpx.Response] = []
    streamed = threading.Event()

    def ask() -> None:
        answers.append(httpx.post(server.places[0] + "/force-retry/a", headers=headers, timeout=DEADLINE_S))

    def stream() -> None:
        url = server.places[0] + "/api/v1/events"
        with httpx.stream(
            "GET", url, headers=headers | {"Accept": "text/event-stream"}, timeout=DEADLINE_S
        ) as reply:
            for _ in reply.iter_lines():
                streamed.set()

    threads = [threading.Thread(target=target) for target in (ask, stream)]
    for thread in threads:
        thread.start()
    assert streamed.wait(DEADLINE_S)
    eventually((server.folder / "asked").exists)
    code, took_s, stderr = server.stop()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert code == 0
    assert took_s < 10  # 5 s by its own clock; ten is what operators were promised for the whole server
    assert stderr == ""
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(503, "unavailable")]


def test_sighup_reloads_and_keeps_serving_and_sigint_stops(server: Server) -> None:
    eventually(lambda: server.get("/health/ready").status_code == 200)
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "changed: retry.delay_s" in server.logged("sambung.log"))
    (server.folder / "bad").touch()
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "conf/sambung.toml:1" in server.logged("sambung.log"))
    assert server.get("/health").status_code == 200
    shown = server.get("/api/v1/server", Authorization=f"Bearer {server.token}").json()["data"]["settings"]
    assert shown["retry"]["delay_s"] == 1.0
    assert server.stop(signal.SIGINT)[0] == 0


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(tmp_path: Path, authority: trustme.CA) -> Iterator[Server]:
    issued = authority.issue_cert("127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    one = Server(tmp_path, "0", "127.0.0.1", str(cert), str(key))
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.communicate()


def test_tls(secure: Server, authority: trustme.CA) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    assert secure.places[0].startswith("https://")
    with httpx.Client(base_url=secure.places[0], verify=context, timeout=DEADLINE_S) as client:
        assert client.get("/health").status_code == 200
        silent_clients_delay_nobody(secure, client)
        old = ssl.create_default_context()
        authority.configure_trust(old)
        plain_http_is_told_so(secure)
        streams_that_were_left_make_room(secure, client)
        assert client.get("/health").status_code == 200
    code, _, stderr = secure.stop()
    assert (code, stderr) == (0, "")


def silent_clients_delay_nobody(secure: Server, client: httpx.Client) -> None:
    port = int(secure.places[0].rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port), DEADLINE_S) for _ in range(20)]
    started_s = time.monotonic()
    assert client.get("/health", headers={"Connection": "close"}).status_code == 200
    assert client.get("/health").status_code == 200
    assert time.monotonic() - started_s < 3  # the twenty would hold the accepting thread for 5 s each
    for sock in silent:
        sock.close()


def streams_that_were_left_make_room(secure: Server, client: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {secure.token}", "Accept": "text/event-stream"}

    def opened() -> contextlib.AbstractContextManager[httpx.Response]:
        return client.stream("GET", "/api/v1/events", headers=headers)

    def stream() -> int:
        with opened() as reply:
            return reply.status_code

    with opened() as one, opened() as other:
        assert [one.status_code, other.status_code, stream()] == [200, 200, 503]
    started_s = time.monotonic()
    eventually(lambda: stream() == 200)
    assert time.monotonic() - started_s < 3


def plain_http_is_told_so(secure: Server) -> None:
    port = int(secure.places[0].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b""
        while data := sock.recv(4096):
            received += data
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"HTTPS" in received
