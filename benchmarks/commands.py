"""A command's round trip, bridge → root → group → instance → bridge, against one ask of stock Thespian.

A force-retry of an open link is nothing but the way there and back: the instance answers that the session exists. A
reset of the breaker is also made durable by the instance and sent to the journal. By HTTP the web process's bridge is
asked; without it a bridge of this process.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from actors.system import attach
from benchmarks import wire
from benchmarks.report import Row, Rule, Target, p50_ms, p99_ms, result
from benchmarks.running import Bed, bed, names, wait_for
from cli.actors_options import system_options
from cli.settings_json import read_settings
from cli.version import build_id
from core.messages import ForceRetry
from web.bridge import Bridge
from web.readmodel import ReadModel

LARGEST_RATIO = Target(Rule.AT_MOST, 2.0)
TIMEOUT_S = 30.0

Turn = Callable[[int], list[float]]
Command = tuple[str, int]

# Path, and the status that answers it on an open link.
FORCE_RETRY: Command = ("/force-retry", 409)
RESET: Command = ("/reset-circuit-breaker", 200)


def run(instances: int = 8, turns: int = 8, asks_per_turn: int = 40) -> dict[str, Any]:
    """p50 and p99 of the round trips, in turns with the stock ask."""
    with bed(instances) as server:
        return measure(server, turns, asks_per_turn)


def measure(server: Bed, turns: int, asks_per_turn: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        wire.worker("stock", folder) as stock,
        bridge_of(server) as bridge,
    ):
        ways: dict[str, Turn] = {
            "stock": lambda asks: wire.take_turn(stock, asks),
            "bridge": lambda asks: repeated(lambda: retry_by_bridge(bridge), asks),
            "http": lambda asks: by_http(server, FORCE_RETRY, asks),
            "reset": lambda asks: by_http(server, RESET, asks),
        }
        return shown(take_turns(ways, turns, asks_per_turn))


def take_turns(ways: dict[str, Turn], turns: int, asks_per_turn: int) -> dict[str, list[float]]:
    """Seconds of each round trip, by way; the first turn is warm-up."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            times_s = way(asks_per_turn)
            if turn > 0:
                taken[name] += times_s
    return taken


def shown(taken: dict[str, list[float]]) -> dict[str, Any]:
    p50, p99 = ({name: of(times_s) for name, times_s in taken.items()} for of in (p50_ms, p99_ms))
    rows = [
        Row(
            "command by the bridge, p50, against a stock ask",
            p50["bridge"],
            "ms",
            p50["stock"],
            LARGEST_RATIO,
        ),
        Row("command by the bridge, p99", p99["bridge"], "ms", p99["stock"]),
        Row("command by HTTP, p50, against a stock ask", p50["http"], "ms", p50["stock"], LARGEST_RATIO),
        Row("command by HTTP, p99", p99["http"], "ms", p99["stock"]),
        Row("durable command by HTTP (breaker reset), p50", p50["reset"], "ms", p50["stock"]),
        Row("durable command by HTTP (breaker reset), p99", p99["reset"], "ms", p99["stock"]),
    ]
    return result(rows, round_trips=len(taken["bridge"]))


def repeated(act: Callable[[], None], times: int) -> list[float]:
    taken_s = []
    for _ in range(times):
        started_s = time.perf_counter()
        act()
        taken_s.append(time.perf_counter() - started_s)
    return taken_s


@contextmanager
def bridge_of(server: Bed) -> Iterator[Bridge]:
    """A second bridge beside the web process's, connected."""
    options = system_options(server.place, read_settings(server.place.settings_file))
    model = ReadModel()
    bridge = Bridge(lambda: attach(options, server.place.data.actors_file, build=build_id()), model)
    bridge.start()
    try:
        wait_for(lambda: bridge.connected and model.fleet is not None, "a connected bridge")
        yield bridge
    finally:
        bridge.close()


def retry_by_bridge(bridge: Bridge) -> None:
    reply = bridge.ask(lambda ref: ForceRetry(ref, names(1)[0]), TIMEOUT_S)
    if reply.code != "session_exists":
        raise RuntimeError(f"the instance answered {reply.code!r}: {reply.message}")


def by_http(server: Bed, command: Command, times: int) -> list[float]:
    """On one connection, which an idle turn would have let the server close."""
    connection = HTTPConnection("127.0.0.1", urlsplit(server.client.url).port, timeout=TIMEOUT_S)
    connection.connect()
    try:
        return repeated(lambda: post(connection, server.token, command), times)
    finally:
        connection.close()


def post(connection: HTTPConnection, token: str, command: Command) -> None:
    path, expected = command
    connection.request("POST", f"{path}/{names(1)[0]}", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != expected:
        raise RuntimeError(f"{path} was answered with {answer.status}: {body!r}")
