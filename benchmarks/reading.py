"""HTTP reads of /health, against a bare CherryPy handler of the same pool that answers with as much JSON.

Both run at the same time and take turns, so that both see the same machine.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from benchmarks.load import Load
from benchmarks.report import Row, Rule, Target, p50_ms, p99_ms, result
from benchmarks.running import Bed, bed
from cli.folder import HOME

LEAST_RATIO = Target(Rule.AT_LEAST, 0.8)
PATH = "/health"


def run(instances: int = 8, turns: int = 6, turn_s: float = 1.5, connections: int = 8) -> dict[str, Any]:
    """Answers per second of both."""
    with bed(instances) as server:
        return measure(server, turns, turn_s, connections)


def measure(server: Bed, turns: int, turn_s: float, connections: int) -> dict[str, Any]:
    with bare() as bare_port:
        ports = {"bare": bare_port, "health": urlsplit(server.client.url).port or 0}
        return shown(ports, turns, turn_s, connections)


def shown(ports: dict[str, int], turns: int, turn_s: float, connections: int) -> dict[str, Any]:
    taken: dict[str, list[float]] = {"bare": [], "health": []}
    lasted_s = {"bare": 0.0, "health": 0.0}
    for turn in range(turns + 1):
        for name, at in ports.items():
            with Load(at, connections) as load:
                begun_s = time.perf_counter()
                times_s = load.read(PATH, turn_s)
            if turn > 0:  # the first is warm-up
                lasted_s[name] += time.perf_counter() - begun_s
                taken[name] += times_s
    rate = {name: len(times_s) / lasted_s[name] for name, times_s in taken.items()}
    rows = [
        Row("GET /health, against bare CherryPy", rate["health"], "/s", rate["bare"], LEAST_RATIO),
        Row("GET /health p99", p99_ms(taken["health"]), "ms", p99_ms(taken["bare"])),
    ]
    p50s = {f"{name}_p50_ms": round(p50_ms(times_s), 3) for name, times_s in taken.items()}
    return result(rows, connections=connections, answers=len(taken["health"]), **p50s)


@contextmanager
def bare() -> Iterator[int]:
    """The bare server's port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bare"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HOME
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the bare CherryPy server did not start")
        yield int(line)
    finally:
        process.stdin.close()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
