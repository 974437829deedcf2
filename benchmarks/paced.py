"""Requests at a fixed pace, in a process of its own: what a request waits because others are slow counts as its time.

Reads one JSON line from stdin ({"port", "token", "paths", "rate_per_s", "connections"}), writes one JSON line per
window to stdout ({"answers", "failed", "histogram"}), and ends when stdin is closed.
"""

import json
import selectors
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

WINDOW_S = 10.0
TIMEOUT_S = 30.0
# Of the histogram: tenths of a millisecond.
PER_S = 10_000


@dataclass(slots=True)
class Kept:
    """One kept connection; `due_s`: when its request should have been sent, None while it has none."""

    sock: socket.socket
    due_s: float | None = None
    received: bytearray = field(default_factory=bytearray)

    def answered(self) -> int | None:
        """Take in what came; the status of the answer when it is whole. ConnectionError when the server closed."""
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError("the server closed a kept connection")
        self.received += data
        head, blank, body = bytes(self.received).partition(b"\r\n\r\n")
        if not blank:
            return None
        at = head.lower().index(b"content-length:") + len(b"content-length:")
        if len(body) < int(head[at:].split(b"\r\n", 1)[0]):
            return None
        return int(head.split(b" ", 2)[1])


class Paced:
    """Sends `rate_per_s` requests a second over `connections`, each with the next of the paths."""

    def __init__(self, port: int, token: str, paths: list[str], rate_per_s: float, connections: int) -> None:
        self._requests = cycle([request(path, port, token) for path in paths])
        self._period_s = 1 / rate_per_s
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._idle = deque(self._connect() for _ in range(connections))
        self._late: deque[float] = deque()
        self._next_s = time.perf_counter()
        self.histogram: Counter[int] = Counter()
        self.failed = 0

    def _connect(self) -> Kept:
        sock = socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kept = Kept(sock)
        self._selector.register(sock, selectors.EVENT_READ, kept)
        return kept

    def run(self, for_s: float) -> None:
        """Keep the pace for so long."""
        end_s = time.perf_counter() + for_s
        while (now_s := time.perf_counter()) < end_s:
            while self._next_s <= now_s:
                self._late.append(self._next_s)
                self._next_s += self._period_s
            while self._late and self._idle:
                self._ask(self._idle.popleft(), self._late.popleft())
            for key, _ in self._selector.select(max(0.0, self._next_s - time.perf_counter())):
                self._take(key.data)

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            key.data.sock.close()
        self._selector.close()

    def _ask(self, kept: Kept, due_s: float) -> None:
        kept.due_s = due_s
        kept.received.clear()
        kept.sock.sendall(next(self._requests))

    def _take(self, kept: Kept) -> None:
        try:
            status = kept.answered()
        except OSError:
            self._selector.unregister(kept.sock)
            kept.sock.close()
            self.failed += kept.due_s is not None
            self._idle.append(self._connect())
            return
        if status is None or kept.due_s is None:
            return
        self.histogram[int((time.perf_counter() - kept.due_s) * PER_S)] += 1
        self.failed += status != 200
        kept.due_s = None
        self._idle.append(kept)


def request(path: str, port: int, token: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    return f"{head}Authorization: Bearer {token}\r\nAccept: */*\r\n\r\n".encode()


def quantile_ms(histogram: Counter[int], share: float) -> float:
    """The time that this share of the answers did not exceed."""
    wanted, seen = share * histogram.total(), 0
    for tenths, answers in sorted(histogram.items()):
        seen += answers
        if seen >= wanted:
            return (tenths + 1) * 1000 / PER_S
    return 0.0


def windows(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """For ever: what each window brought."""
    paced = Paced(**spec)
    while True:
        paced.run(WINDOW_S)
        yield {"answers": paced.histogram.total(), "failed": paced.failed, "histogram": paced.histogram}
        paced.histogram.clear()
        paced.failed = 0


def main() -> None:
    for window in windows(json.loads(sys.stdin.readline())):
        try:
            sys.stdout.write(json.dumps(window) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
