"""A server of one thread that accepts in order and looks, at each new connection, whether an older one is still alive:
that is the count of sockets which a real upstream would see.
"""

import base64
import contextlib
import hashlib
import os
import select
import selectors
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from actors.transport import Transport, TransportEvent

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE_S = 10.0
AFTER_UPGRADE = {
    "echo": b"\x82\x01x\x81\x01y",
    "deaf": b"",
    "leave": b"\x82\x01x\x88\x02\x03\xe9",
    "bad": b"\xff\xff",
    "eof": b"",
    "reset": b"",
}


class CountingServer:
    """Behaves as each request's path says. `overlaps`: new connections that found an older one alive.

    Also holds what its tests share: functions cannot be imported from here.
    """

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.refused = socket.socket()
        self.refused.bind(("127.0.0.1", 0))
        self.accepted = self.overlaps = 0
        self._open: dict[socket.socket, bytes] = {}
        self._selector = selectors.DefaultSelector()
        self._ear, self._bell = socket.socketpair()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def url(self, behaviour: str) -> str:
        port = self.refused.getsockname()[1] if behaviour == "refuse" else self.port
        return f"ws://127.0.0.1:{port}/{behaviour}"

    def stop(self) -> None:
        self._bell.close()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        for sock in [self.listener, self.refused, self._ear, *self._open]:
            sock.close()
        self._selector.close()

    @property
    def alive(self) -> int:
        return len(self._open)

    @staticmethod
    def descriptors() -> Counter[str]:
        """What is open, by its name in the kernel: `socket:[4711]`."""
        found: Counter[str] = Counter()
        for fd in os.listdir("/proc/self/fd"):
            with contextlib.suppress(FileNotFoundError):
                found[os.readlink(f"/proc/self/fd/{fd}")] += 1
        return found

    @staticmethod
    def dial_threads() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name.startswith("dial-")]

    @staticmethod
    def eventually(done: Callable[[], bool], what: str) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not done():
            assert time.monotonic() < end_s, what
            threading.Event().wait(0.002)

    @staticmethod
    def step(transport: Transport, at_most_s: float) -> list[TransportEvent]:
        if not transport.pending():
            deadline_s = transport.deadline_s()
            left_s = at_most_s if deadline_s is None else min(at_most_s, deadline_s - time.monotonic())
            select.select(transport.fds(), [], [], max(0.0, left_s))
        return transport.poll()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._ear:
                    return
                if key.fileobj is self.listener:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket) and key.fileobj in self._open:
                    self._read(key.fileobj)

    def _accept(self) -> None:
        sock, _ = self.listener.accept()
        self.accepted += 1
        for older in list(self._open):
            older.settimeout(2.0)
            try:
                while older in self._open:
                    self._read(older)
            except TimeoutError:
                self.overlaps += 1
        sock.settimeout(2.0)
        self._open[sock] = b""
        self._selector.register(sock, selectors.EVENT_READ)

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65536)
            if data:
                self._react(sock, data)
                return
        except TimeoutError:
            raise
        except OSError:
            pass
        self._drop(sock)

    def _drop(self, sock: socket.socket) -> None:
        if self._open.pop(sock, None) is not None:
            self._selector.unregister(sock)
            sock.close()

    def _react(self, sock: socket.socket, data: bytes) -> None:
        if self._open[sock] == b"upgraded":
            if b"echo" in data or data[0] == 0x88:  # our frames are short and come one by one
                self._drop(sock)
            return
        request = self._open[sock] = self._open[sock] + data
        if b"\r\n\r\n" not in request:
            return
        behaviour = request.split(b" ")[1].decode().strip("/")
        if behaviour == "busy":
            sock.sendall(b"HTTP/1.1 503 Busy\r\n\r\n")
            self._drop(sock)
        elif behaviour != "stall":
            key = request.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
            head = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            sock.sendall(head + accept + b"\r\n\r\n" + AFTER_UPGRADE[behaviour])
            self._after(sock, behaviour)

    def _after(self, sock: socket.socket, behaviour: str) -> None:
        self._open[sock] = b"deaf" if behaviour == "deaf" else b"upgraded"
        if behaviour == "eof":
            sock.shutdown(socket.SHUT_WR)
        if behaviour == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._drop(sock)


@pytest.fixture
def server() -> Iterator[CountingServer]:
    before = CountingServer.descriptors()
    started = CountingServer()
    yield started
    started.stop()
    started.eventually(lambda: not started.dial_threads(), "a dial thread is still there")
    # What tests before this one left behind may go meanwhile.
    started.eventually(lambda: started.descriptors() <= before, f"only these were open before: {before}")
