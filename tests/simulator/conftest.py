"""One simulator process for the folder, an upstream for each test, and a client that sees every byte."""

import base64
import os
import socket
import ssl
import struct
from collections.abc import Callable, Iterator

import pytest

from simulator.client import Listener, Simulator

DEADLINE_S = 20.0
FIN = 0x80
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


class RawClient:
    """A WebSocket client by hand: nothing between the test and the bytes."""

    def __init__(self, port: int, instance: str, tls: ssl.SSLContext | None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="127.0.0.1")
        self.instance = instance
        self.port = port

    def request(self) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET /ws/{self.instance} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers (names in lower case) of the answer."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.exactly(1)
        first, *lines = head.decode().strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        return int(first.split(" ")[1]), {name.lower(): value for name, value in headers.items()}

    def open(self) -> "RawClient":
        self.request()
        status, _ = self.head()
        assert status == 101
        return self

    def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError(f"{len(data)} of {size} bytes, then EOF")
            data += more
        return data

    def frame(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame."""
        first, second = self.exactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.exactly(8))
        return first, self.exactly(size)

    def send_frame(self, opcode: int, payload: bytes = b"") -> None:
        """A masked frame (a mask of zeros) of at most 125 bytes."""
        self.socket.sendall(struct.pack("!BB", FIN | opcode, 0x80 | len(payload)) + bytes(4) + payload)

    def send_text(self, text: str) -> None:
        self.send_frame(TEXT, text.encode())

    def ping(self) -> bool:
        """Whether the upstream answers: True when the pong is the next frame."""
        self.send_frame(PING, b"?")
        return self.frame() == (FIN | PONG, b"?")

    def hears_nothing(self, for_s: float = 0.3) -> bool:
        """True when nothing comes, not even EOF, for that long."""
        self.socket.settimeout(for_s)
        try:
            self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(DEADLINE_S)
        return False

    def end(self, below_tls: bool = False) -> str:
        """How TCP ends after the bytes on the way: "eof" or "reset", which TLS would show as EOF."""
        with socket.socket(fileno=os.dup(self.socket.fileno())) as tcp:
            tcp.settimeout(DEADLINE_S)
            source = tcp if below_tls else self.socket
            try:
                while source.recv(65536):
                    pass
            except ConnectionResetError:
                return "reset"
        return "eof"

    def close(self) -> None:
        self.socket.close()


Dial = Callable[..., RawClient]


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator.spawn() as running:
        yield running


@pytest.fixture
def upstream(simulator: Simulator) -> Iterator[Listener]:
    """A healthy listener. Fails the test when the simulator made a mistake of its own."""
    listener = simulator.listener()
    yield listener
    listener.close()
    assert simulator.errors() == []


@pytest.fixture
def dial(upstream: Listener) -> Iterator[Dial]:
    """`dial(instance="a", port=None, tls=None)`: a RawClient, connected, no request sent yet."""
    clients: list[RawClient] = []

    def connect(instance: str = "a", port: int | None = None, tls: ssl.SSLContext | None = None) -> RawClient:
        clients.append(RawClient(port or upstream.port, instance, tls))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
