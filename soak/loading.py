"""The load itself: requests by a process of their own, and a reader of the event stream."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from cli.failure import CommandFailed
from cli.folder import HOME
from soak.bed import Bed

REQUESTS_PER_S = 300.0
CONNECTIONS = 8


@contextmanager
def requests(bed: Bed) -> "Iterator[queue.SimpleQueue[dict[str, Any]]]":
    """The windows of `benchmarks.paced`, as they come."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.paced"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=HOME,
        text=True,
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None and stdout is not None
    spec = {
        "port": urlsplit(bed.client.url).port,
        "token": bed.token,
        "paths": [f"/api/v1/instances/{name}" for name in bed.ids],
        "rate_per_s": REQUESTS_PER_S,
        "connections": CONNECTIONS,
    }
    stdin.write(json.dumps(spec) + "\n")
    stdin.flush()
    windows: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def read() -> None:
        for text in stdout:
            windows.put(json.loads(text))

    threading.Thread(target=read, name="windows", daemon=True).start()
    try:
        yield windows
    finally:
        process.kill()
        process.wait()
        stdin.close()


@contextmanager
def reader(bed: Bed, lags_s: list[float]) -> Iterator[None]:
    """Reads the event stream in a thread that ends with the server; notes how long messages were on their way."""
    known: str = bed.client.call("GET", "/api/v1/events", query={"limit": 1})["data"][0]["id"]
    over = threading.Event()

    def read() -> None:
        with contextlib.suppress(CommandFailed):
            for _, data in bed.client.stream("/api/v1/events", {"kind": "message.received"}, known):
                if over.is_set():
                    return
                lags_s.append(time.time() - json.loads(data)["data"]["content"]["sent_at"])

    threading.Thread(target=read, name="reader", daemon=True).start()
    try:
        yield
    finally:
        over.set()
