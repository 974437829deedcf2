"""A real server for tests: `run.py serve` in a process of its own, its API, and its process tree."""

import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

HOME = Path(__file__).resolve().parents[2]
TOKEN = "sbg_" + "t" * 43
START_S = 40.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `raw`: the body's bytes."""

    status: int
    raw: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def data(self) -> Any:
        return self.body["data"]


@dataclass
class Server:
    """`env`: settings as SAMBUNG_SECTION__KEY without the prefix; `data`: its data folder; `within`: a command that
    replaces itself by the one that follows."""

    data: Path
    env: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        """Start it and wait until it is ready; its output goes to DATA/serve.out."""
        # Children that survive from an earlier life of this folder must not be mistaken for new ones.
        (self.data / "run" / "http.json").unlink(missing_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        own = {f"SAMBUNG_{key}": value for key, value in self.env.items()}
        serve = [sys.executable, str(HOME / "run.py"), "serve", "--data", str(self.data), "--port", "0"]
        with open(self.data / "serve.out", "ab") as out:
            self.process = subprocess.Popen(
                [*self.within, *serve, *self.arguments],
                env={**os.environ, "SAMBUNG_NO_BOOTSTRAP": "1", "SAMBUNG_ADMIN_TOKEN": TOKEN, **own},
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=HOME,
                start_new_session=True,
            )
        self.wait_ready()
        return self

    def wait_ready(self, deadline_s: float = START_S) -> None:
        wait_for(self.ready, deadline_s, lambda: f"server is not ready: {self.output()}")

    def ready(self) -> bool:
        assert self.process is None or self.process.poll() is None, f"server ended: {self.output()}"
        with contextlib.suppress(OSError, http.client.HTTPException, KeyError, ValueError):
            return self.call("GET", "/health/ready").status == 200
        return False

    def output(self) -> str:
        return (self.data / "serve.out").read_text(errors="replace")[-4000:]

    @property
    def url(self) -> str:
        return str(json.loads((self.data / "run" / "http.json").read_text())["url"])

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def connection(self, timeout_s: float) -> http.client.HTTPConnection:
        """Under TLS any certificate will do: who trusts which is not what these tests are about."""
        if not self.url.startswith("https:"):
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout_s, context=context)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 15.0,
    ) -> Answer:
        """One request; `body` is sent as JSON unless it is bytes."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection = self.connection(timeout_s)
        try:
            connection.request(method, path, raw, sent)
            got = connection.getresponse()
            return Answer(got.status, got.read(), dict(got.getheaders()))
        finally:
            connection.close()

    # ── instances ────────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, instance_id: str, url: str, *, desired: str = "connected", **config: Any) -> Any:
        """Make an instance; the API's view of it."""
        body = {"id": instance_id, "link": "websocket", "desired": desired, "url": url, **config}
        answer = self.call("POST", "/api/v1/instances", body)
        assert answer.status == 201, answer.raw
        return answer.data

    def instance(self, instance_id: str) -> Any:
        return self.call("GET", f"/api/v1/instances/{instance_id}").data

    def wait_instance(
        self, instance_id: str, wanted: Callable[[Any], object], deadline_s: float = 20.0
    ) -> Any:
        """The instance once it is as wanted."""
        last: list[Any] = [None]

        def look() -> bool:
            last[0] = self.instance(instance_id)
            return bool(wanted(last[0]))

        wait_for(look, deadline_s, lambda: f"{instance_id} is {last[0]}")
        return last[0]

    def wait_open(self, instance_id: str, deadline_s: float = 20.0) -> Any:
        return self.wait_instance(instance_id, lambda one: one["link_state"] == "open", deadline_s)

    def timeline(self, instance_id: str) -> list[Any]:
        """Oldest first."""
        answer = self.call("GET", f"/api/v1/instances/{instance_id}/timeline?limit=100")
        assert answer.status == 200, answer.raw
        return list(reversed(answer.data))

    # ── processes ────────────────────────────────────────────────────────────────────────────────────────────────

    def processes(self) -> dict[int, str]:
        """Everything below the launcher, by pid: the process titles."""
        assert self.process is not None
        found: dict[int, str] = {}
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.process.pid)
            for one in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    if one.status() != psutil.STATUS_ZOMBIE:
                        found[one.pid] = " ".join(one.cmdline())
        return found

    def pid_of(self, title: str) -> int:
        """The one process whose title begins so."""
        pids = [pid for pid, name in self.processes().items() if name.startswith(f"sambung: {title}")]
        assert len(pids) == 1, (title, self.processes())
        return pids[0]

    def kill(self, pid: int, number: int = signal.SIGKILL) -> float:
        """Only what belongs to this server; the moment of the signal (epoch seconds)."""
        assert pid in self.processes(), (pid, self.processes())
        moment_s = time.time()
        os.kill(pid, number)
        return moment_s

    def stop(self, deadline_s: float = 12.0) -> int:
        """SIGTERM the launcher; its exit code. Fails when a process is left."""
        assert self.process is not None
        before = set(self.processes())
        self.process.terminate()
        code = self.process.wait(deadline_s)
        wait_for(lambda: not alive(before), 2.0, lambda: f"left: {alive(before)}")
        self.process = None
        return code

    def end(self) -> None:
        """For fixtures: stop whatever is left, however it is."""
        if self.process is None:
            return
        pids = set(self.processes())
        with contextlib.suppress(Exception):
            self.process.terminate()
            self.process.wait(12.0)
        for pid in alive(pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(Exception):
            self.process.kill()
            self.process.wait(5.0)


def alive(pids: set[int]) -> set[int]:
    """Those that still run; zombies do not count."""
    found: set[int] = set()
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.add(pid)
    return found


def wait_for(condition: Callable[[], object], deadline_s: float, say: Callable[[], str]) -> None:
    """Poll until the condition holds; the deadline is an upper bound."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, say()
        time.sleep(0.02)


@contextlib.contextmanager
def running(data: Path, *arguments: str, within: tuple[str, ...] = (), **env: str) -> Iterator[Server]:
    """A server that is stopped at the end; keyword arguments are settings: `retry__delay_s="1"`."""
    server = Server(data, {key.upper(): value for key, value in env.items()}, arguments, within)
    try:
        yield server.start()
    finally:
        server.end()


# Times that let a person, or a test, see a whole cycle: everything else as in production.
QUICK: dict[str, str] = {
    "retry__delay_s": "0.3",
    "retry__timeout_delay_s": "0.5",
    "retry__step_s": "0.1",
    "retry__max_s": "1",
    "retry__fast_first_s": "0.2",
    "retry__stable_after_s": "1",
    "breaker__failure_threshold": "3",
    "breaker__reset_after_s": "2",
    "breaker__probe_timeout_s": "5",
}
