"""Private memory of an instance's process: what the machine gets back when it ends (USS; shared pages not counted)."""

import statistics
from typing import Any

import psutil

from benchmarks.report import Row, Rule, Target, result
from benchmarks.running import Bed, bed, wait_for

MOST_MIB = Target(Rule.AT_MOST, 8.0)
MIB = 2**20


def run(instances: int = 32, messages: int = 30) -> dict[str, Any]:
    """Of `instances` open ones, each of which has taken in this many messages: a process at rest has not yet
    touched the pages that it works with.
    """
    with bed(instances) as server:
        return measure(server, messages)


def measure(server: Bed, messages: int) -> dict[str, Any]:
    work(server, messages)
    private_mib = sorted(private_bytes(one["pid"]) / MIB for one in server.instances())
    rows = [
        Row("private memory of an instance, median", statistics.median(private_mib), "MiB", target=MOST_MIB),
        Row("private memory of an instance, largest", private_mib[-1], "MiB", target=MOST_MIB),
    ]
    return result(rows, instances=len(private_mib), messages=messages)


def work(server: Bed, messages: int) -> None:
    """Push the messages and wait until the journal has them all."""
    wanted = total_events(server) + len(server.instances()) * messages
    server.upstream.push(rate_per_s=5.0, count=messages)
    wait_for(lambda: total_events(server) >= wanted, "every message in the journal", 120.0)


def total_events(server: Bed) -> int:
    answer = server.client.call("GET", "/api/v1/events", query={"kind": "message.received", "limit": 1})
    total: int = answer["page"]["total"]
    return total


def private_bytes(pid: int) -> int:
    uss: int = psutil.Process(pid).memory_full_info().uss
    return uss
