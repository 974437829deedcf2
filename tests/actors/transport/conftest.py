"""Peers made of plain sockets, and a driver that does what an actor's loop does."""

import base64
import contextlib
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme

LIMIT_S = 20.0
E = TypeVar("E")
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Peer:
    """The server's end of one connection; every wait ends after LIMIT_S."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(LIMIT_S)
        self.request = b""
        self._buffer = b""

    def read_request(self) -> str:
        while b"\r\n\r\n" not in self._buffer:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("the client went away")
            self._buffer += data
        self.request, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return self.request.decode()

    def accept_key(self) -> str:
        lines = dict(line.split(": ", 1) for line in self.request.decode().split("\r\n")[1:])
        return base64.b64encode(hashlib.sha1((lines["Sec-WebSocket-Key"] + GUID).encode()).digest()).decode()

    def upgrade(self, *extra: str, behind: bytes = b"") -> "Peer":
        """Answers the request with 101; `extra`: more header lines; `behind`: bytes in the same segment."""
        self.read_request()
        self.sock.sendall(self.response(*extra) + behind)
        return self

    def response(self, *extra: str) -> bytes:
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Accept: {self.accept_key()}",
            *extra,
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def answer(self, status: str, *lines: str) -> None:
        self.read_request()
        self.sock.sendall("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode())

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        self.sock.sendall(encode(opcode, payload, fin=fin))

    def read_frame(self) -> tuple[int, bytes]:
        """The next frame of the client: opcode and unmasked payload; (-1, b"") at EOF or reset."""
        try:
            first, second = self._exactly(2)
            length = second & 0x7F
            if length >= 126:
                length = int.from_bytes(self._exactly(2 if length == 126 else 8), "big")
            assert second & 0x80, "a client's frame is masked"
            mask = self._exactly(4)
            payload = self._exactly(length)
        except (EOFError, ConnectionError):
            return -1, b""
        return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))

    def frames(self) -> list[tuple[int, bytes]]:
        """All frames until EOF; after the client's Close this side ends its half, as a server does."""
        found = []
        while (frame := self.read_frame())[0] != -1:
            found.append(frame)
            if frame[0] == 8:
                self.sock.shutdown(socket.SHUT_WR)
        return found

    def wait_eof(self) -> None:
        with contextlib.suppress(ConnectionError):
            while self.sock.recv(65536):
                pass

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self._buffer += data
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data


def encode(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """One frame as a server sends it."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    if size < 1 << 16:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


Handler = Callable[[Peer], Any]


class Server:
    """Runs `handler` in a thread for each connection; what it returns or raises is in `results`, in order."""

    def __init__(self, handler: Handler, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.handler = handler
        self.tls = tls
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'wss' if tls else 'ws'}://{'localhost' if tls else host}:{self.port}/"
        self.accepted = 0
        self.results: list[Any] = []
        self._finished = threading.Condition()
        self._peers: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def result(self, index: int = 0) -> Any:
        """What the handler of the `index`-th finished connection returned; raises what it raised."""
        with self._finished:
            assert self._finished.wait_for(lambda: len(self.results) > index, LIMIT_S), "the peer is not done"
        if isinstance(self.results[index], Exception):
            raise self.results[index]
        return self.results[index]

    def stop(self) -> None:
        for sock in [self.listener, *self._peers]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(LIMIT_S)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                self.accepted += 1
                self._peers.append(sock)
                thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self.tls is not None:
                sock.settimeout(LIMIT_S)
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._peers.append(sock)
            result = self.handler(Peer(sock))
        except Exception as error:
            result = error
        finally:
            sock.close()
        with self._finished:
            self.results.append(result)
            self._finished.notify_all()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """serve(handler, tls=None) → a running Server; stopped at the end of the test."""
    servers: list[Server] = []

    def start(handler: Handler, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Server:
        servers.append(Server(handler, tls, host))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority made for this run."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's context for localhost and 127.0.0.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context
