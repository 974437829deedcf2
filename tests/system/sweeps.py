"""What a server's periodic sweeps have done, by its API and its log."""

import json
from typing import Any

from server import Server, wait_for

PATH = "/api/v1/cleanup"


def last(server: Server) -> Any:
    return server.call("GET", PATH).data["last"]


def total(server: Server) -> Any:
    return server.call("GET", PATH).data["total"]


def next_sweep(server: Server) -> Any:
    """A sweep that began after this call."""
    for _ in range(2):
        before = swept_at(server)
        wait_for(lambda before=before: swept_at(server) != before, 20, lambda: "no sweep")  # type: ignore[misc]
    return last(server)


def swept_at(server: Server) -> Any:
    return (last(server) or {}).get("at")


def lines(server: Server, event: str) -> list[Any]:
    path = server.data / "logs" / "events.jsonl"
    return [one for one in map(json.loads, path.read_text("utf-8").splitlines()) if one["event"] == event]
