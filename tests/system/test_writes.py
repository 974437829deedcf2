"""Writes of every kind that were answered are still so after kill -9 of the server."""

import contextlib
import http.client
import itertools
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from server import QUICK, Server, running, wait_for

pytestmark = pytest.mark.serial

WORKERS = 4
ENOUGH = 240
MOST = 400
KINDS = {
    "POST instances",
    "PATCH instances",
    "DELETE instances",
    "POST messages",
    "POST tokens",
    "DELETE tokens",
}
URL = "ws://127.0.0.1:9/"


@dataclass
class Client:
    """One that writes: makes an instance and a token, changes its own instance, sends to it, undoes the round before.

    `kept`, `gone`: paths of what was answered; `doubtful`: the value whose answer the kill took.
    """

    server: Server
    name: str
    kept: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    field_value: str | None = None
    doubtful: str = ""

    @property
    def own(self) -> str:
        return f"/api/v1/instances/{self.name}"

    @property
    def count(self) -> int:
        return sum(self.answered.values())

    def run(self, stop: threading.Event) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            for number in itertools.count():
                if stop.is_set() or self.count >= MOST // WORKERS:
                    return
                self.round(number)

    def round(self, number: int) -> None:
        name = f"{self.name}-{number}"
        self.make(f"/api/v1/instances/{name}", instance(name))
        self.doubtful = f"f{number}"
        self.write("PATCH", self.own, {"ack_field": self.doubtful}, "instances")
        self.field_value = self.doubtful
        self.make(f"{self.own}/messages/m{number}", {"id": f"m{number}", "content": number}, status=202)
        token = self.write("POST", "/api/v1/tokens", {"name": name, "scopes": ["read"]}, "tokens").data
        self.kept.add(path := f"/api/v1/tokens/{token['id']}")
        self.values[path] = token["value"]
        if number:
            self.undo(f"/api/v1/instances/{self.name}-{number - 1}")
            self.undo(next(one for one in self.kept if one.startswith("/api/v1/tokens/") and one != path))

    def make(self, path: str, body: Any, status: int = 201) -> None:
        folder = path.rpartition("/")[0]
        self.write("POST", folder, body, folder.rpartition("/")[2], status)
        self.kept.add(path)

    def undo(self, path: str) -> None:
        self.kept.discard(path)
        self.write("DELETE", path, None, path.split("/")[3])
        self.gone.add(path)

    def write(self, method: str, path: str, body: Any, kind: str, *status: int) -> Any:
        answer = self.server.call(method, path, body)
        assert answer.status in (status or (200, 201)), (method, path, answer.raw)
        self.answered[f"{method} {kind}"] += 1
        return answer


def instance(name: str) -> dict[str, Any]:
    return {"id": name, "link": "websocket", "desired": "disconnected", "url": URL}


def broken_promises(server: Server, client: Client) -> list[str]:
    """What was answered and is not so."""
    tokens = {f"/api/v1/tokens/{one['id']}" for one in server.call("GET", "/api/v1/tokens?limit=500").data}
    found = []
    for path, wanted in [(one, True) for one in client.kept] + [(one, False) for one in client.gone]:
        there = path in tokens if "/tokens/" in path else server.call("GET", path).status == 200
        if there is not wanted:
            found.append(f"{path} is {'there' if there else 'missing'}")
    for path, value in client.values.items():
        status = server.call("GET", "/api/v1/instances", token=value).status
        if path in client.kept | client.gone and status != (200 if path in client.kept else 401):
            found.append(f"{path} gives {status}")
    shown = server.instance(client.name)["config"]["ack_field"]
    if shown not in (client.field_value, client.doubtful):
        found.append(f"ack_field is {shown}, not {client.field_value}")
    return found


def test_every_write_that_was_answered_survives_a_kill_of_the_server(tmp_path: Path) -> None:
    more = {
        "limits__max_instances": "1000",
        "outbox__rate_per_s": "1000",
        "auth__failures_per_minute": "1000",
    }
    with running(tmp_path, **more, **QUICK) as server:
        clients = [Client(server, f"w{number}") for number in range(WORKERS)]
        for client in clients:
            server.call("POST", "/api/v1/instances", instance(client.name))
            server.wait_instance(client.name, lambda one: one["pid"])
        stop = threading.Event()
        workers = [threading.Thread(target=client.run, args=(stop,)) for client in clients]
        for worker in workers:
            worker.start()
        wait_for(
            lambda: sum(client.count for client in clients) >= ENOUGH,
            90,
            lambda: str([dict(client.answered) for client in clients]),
        )
        assert server.process is not None
        server.process.kill()
        server.process.wait(5)
        stop.set()
        for worker in workers:
            worker.join(30)
        assert ENOUGH <= sum(client.count for client in clients) < MOST, "the kill came in the middle"
        assert {kind for client in clients for kind in client.answered} == KINDS

        server.start()
        for client in clients:
            server.wait_instance(client.name, lambda one: one["pid"], 40)
        assert [broken_promises(server, client) for client in clients] == [[]] * WORKERS
