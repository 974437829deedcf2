"""HTTP load from one thread: connections that are kept, one request under way on each."""

import selectors
import socket
import time
from dataclasses import dataclass, field

TIMEOUT_S = 30.0


@dataclass(slots=True)
class Connection:
    """`started_s`: when its request was sent; `received`: what came of the answer so far."""

    sock: socket.socket
    started_s: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def ask(self, request: bytes) -> None:
        self.received.clear()
        self.started_s = time.perf_counter()
        self.sock.sendall(request)

    def answered(self) -> bool:
        """Take in what came; True when the answer is whole. RuntimeError unless it is a 2xx."""
        data = self.sock.recv(65536)
        if not data:
            raise RuntimeError("the server closed a connection that should be kept")
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank or len(body) < length_of(bytes(head)):
            return False
        if not self.received.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"the server answered {bytes(self.received[:200])!r}")
        return True


def length_of(head: bytes) -> int:
    """The Content-Length in the head of an answer; ValueError without one."""
    at = head.lower().index(b"content-length:") + len(b"content-length:")
    return int(head[at:].split(b"\r\n", 1)[0])


def get(path: str, port: int) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()


class Load:
    """A context manager that holds `connections` open to a port of this machine."""

    def __init__(self, port: int, connections: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        for _ in range(connections):
            sock = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(sock, selectors.EVENT_READ, Connection(sock))

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        for key in list(self._selector.get_map().values()):
            key.data.sock.close()
        self._selector.close()

    def read(self, path: str, duration_s: float) -> list[float]:
        """Read the path on every connection for this long; the seconds that each answer took."""
        request, times_s = get(path, self._port), []
        connections = [key.data for key in self._selector.get_map().values()]
        end_s = time.perf_counter() + duration_s
        under_way = len(connections)
        for each in connections:
            each.ask(request)
        while under_way:
            ready = self._selector.select(TIMEOUT_S)
            if not ready:
                raise TimeoutError(f"no answer within {TIMEOUT_S:g} s")
            for key, _ in ready:
                if key.data.answered():
                    now_s = time.perf_counter()
                    times_s.append(now_s - key.data.started_s)
                    if now_s < end_s:
                        key.data.ask(request)
                    else:
                        under_way -= 1
        return times_s
