"""From a frame that an upstream sends to the same event at a reader of the stream (SSE).

On its way it is committed in the instance's store, sent to the journal in a batch, committed there and announced.
"""

import contextlib
import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from benchmarks.report import Row, Rule, Target, p50_ms, p99_ms, result
from benchmarks.running import Bed, bed
from cli.failure import CommandFailed

MOST_P99_MS = Target(Rule.AT_MOST, 500.0)
ARRIVAL_S = 30.0
KIND = "message.received"
WARM_UP = "warm-up"
MEASURED = "measured"

Arrivals: TypeAlias = "queue.SimpleQueue[tuple[float, dict[str, Any]]]"


def run(instances: int = 10, rate_per_s: float = 5.0, count: int = 50) -> dict[str, Any]:
    """Latencies at `instances` · `rate_per_s` messages a second; both ends use this machine's clock."""
    with bed(instances) as server:
        return measure(server, rate_per_s, count)


def measure(server: Bed, rate_per_s: float, count: int) -> dict[str, Any]:
    instances = len(server.instances())
    with reader(server) as arrivals:
        awaited(server, arrivals, WARM_UP, instances, rate_per_s, 2)
        times_s = awaited(server, arrivals, MEASURED, instances, rate_per_s, count)
    total = f"{instances * rate_per_s:g} messages/s"
    rows = [
        Row(f"upstream frame to SSE at {total}, p50", p50_ms(times_s), "ms"),
        Row(f"upstream frame to SSE at {total}, p99", p99_ms(times_s), "ms", target=MOST_P99_MS),
    ]
    return result(rows, instances=instances, messages=len(times_s))


def awaited(
    server: Bed, arrivals: Arrivals, kind: str, instances: int, rate_per_s: float, count: int
) -> list[float]:
    """Push, and wait for each of the messages; their seconds on the way. TimeoutError when one is missing."""
    server.upstream.push(rate_per_s=rate_per_s, count=count, type=kind)
    times_s: list[float] = []
    while len(times_s) < instances * count:
        try:
            at_s, event = arrivals.get(timeout=ARRIVAL_S)
        except queue.Empty:
            raise TimeoutError(f"{len(times_s)} of {instances * count} messages came by the stream") from None
        if (sent := sent_at(event, kind)) is not None:
            times_s.append(at_s - sent)
    return times_s


def sent_at(event: dict[str, Any], kind: str) -> float | None:
    """When the simulator sent this message; None for anything else."""
    if event["kind"] != KIND or event["data"]["content"]["type"] != kind:
        return None
    at_s: float = event["data"]["content"]["sent_at"]
    return at_s


@contextmanager
def reader(server: Bed) -> Iterator[Arrivals]:
    """Events of the stream with their time of arrival, read by a thread that ends with the server.

    It begins behind an event that exists, so that it may be opened later than the first push.
    """
    known: str = server.client.call("GET", "/api/v1/events", query={"limit": 1})["data"][0]["id"]
    arrivals: Arrivals = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(CommandFailed):  # the server ends before its reader
            for _, data in server.client.stream("/api/v1/events", {}, known):
                arrivals.put((time.time(), json.loads(data)))

    threading.Thread(target=read, name="reader", daemon=True).start()
    yield arrivals
