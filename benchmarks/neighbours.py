"""What an instance notices of its neighbours: its messages while one of them is flooded and a processor is taken.

Measured twice: until the upstream has the acknowledgement, which means durable in the instance's own process; and
until the event is at a reader of the stream, which also takes the journal and the web process that all share. A
process that spins stands for an instance that does: to the scheduler they are the same.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.report import Row, Rule, Target, p50_ms, p99_ms, result
from benchmarks.running import Bed, bed, wait_for
from benchmarks.streaming import Arrivals, reader, sent_at

MOST = Target(Rule.AT_MOST, 2.0)
FLOOD_PER_S = 500.0
RATE_PER_S = 20.0
LATE_S = 60.0
BUSY = "while True: pass"


def run(instances: int = 4, turns: int = 4, count: int = 100) -> dict[str, Any]:
    """The first instance is measured, the second flooded; in turns with nobody disturbed."""
    with bed(instances, ack_field="id") as server:
        return measure(server, turns, count)


def measure(server: Bed, turns: int, count: int) -> dict[str, Any]:
    """Of at least two instances that acknowledge."""
    names = [one["id"] for one in server.instances()]
    acked: dict[str, list[float]] = {"quiet": [], "noisy": []}
    read: dict[str, list[float]] = {"quiet": [], "noisy": []}
    with reader(server) as arrivals:
        turn(server, arrivals, names[0], "warm-up", count)
        for number in range(turns):
            kind = f"quiet-{number}"
            keep(acked["quiet"], read["quiet"], turn(server, arrivals, names[0], kind, count))
            with noise(server, names[1]):
                kind = f"noisy-{number}"
                keep(acked["noisy"], read["noisy"], turn(server, arrivals, names[0], kind, count))
            settle(server, names[1])
    rows = [
        row("until acknowledged, p50", p50_ms(acked["noisy"]), p50_ms(acked["quiet"])),
        row("until acknowledged, p99", p99_ms(acked["noisy"]), p99_ms(acked["quiet"]), MOST),
        row("to the event stream, p50", p50_ms(read["noisy"]), p50_ms(read["quiet"])),
        row("to the event stream, p99", p99_ms(read["noisy"]), p99_ms(read["quiet"]), MOST),
    ]
    return result(rows, messages=len(acked["noisy"]), flood_per_s=FLOOD_PER_S)


def row(what: str, noisy: float, quiet: float, target: Target | None = None) -> Row:
    return Row(f"message {what}, beside a flooded and a spinning neighbour", noisy, "ms", quiet, target)


def keep(acked: list[float], read: list[float], times: tuple[list[float], list[float]]) -> None:
    acked += times[0]
    read += times[1]


def turn(
    server: Bed, arrivals: Arrivals, name: str, kind: str, count: int
) -> tuple[list[float], list[float]]:
    """Push to one instance; seconds of each message until acknowledged, and until read from the stream."""
    server.upstream.push(instances=[name], rate_per_s=RATE_PER_S, count=count, type=kind)
    sent: dict[int, float] = {}
    read: list[float] = []
    while len(read) < count:
        at_s, event = arrivals.get(timeout=LATE_S)
        begun = sent_at(event, kind)
        if begun is not None:
            sent[event["data"]["content"]["id"]] = begun
            read.append(at_s - begun)
    messages = server.upstream.instance(name).messages
    acks = {
        json.loads(one.text)["ack"]: one.at for one in messages if one.text and one.text.startswith('{"ack"')
    }
    return [acks[ident] - begun for ident, begun in sent.items()], read


@contextmanager
def noise(server: Bed, flooded: str) -> Iterator[None]:
    """One processor is taken, and one instance gets as much as it can take."""
    burner = subprocess.Popen([sys.executable, "-c", BUSY])
    push = server.upstream.push(instances=[flooded], rate_per_s=FLOOD_PER_S, duration_s=LATE_S)
    try:
        time.sleep(1.0)
        yield
    finally:
        push.stop()
        burner.kill()
        burner.wait()


def settle(server: Bed, flooded: str) -> None:
    """Until the flooded one has dealt with what it was sent."""

    def done() -> bool:
        seen = server.upstream.instance(flooded)
        return seen.acknowledged == seen.sent

    wait_for(done, "the flooded instance is through", LATE_S)
