"""Row 35: closing at any moment, by a state machine and by a thousand dials cut at random moments, on real sockets.

The server is one thread that accepts in order and looks, at each new connection, whether an older one is still
alive: that is the count of sockets which a real upstream would see.
"""

import base64
import contextlib
import hashlib
import os
import random
import select
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.transport import Closed, Lost, Opened, Received, Transport, TransportEvent, TransportState
from core.config import TransportSettings
from core.protocol import Endpoint

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE_S = 10.0
SHORT = TransportSettings(
    dial_timeout_s=0.2, send_timeout_s=0.2, close_timeout_s=0.1, ping_interval_s=0.05, ping_timeout_s=0.2
)
AFTER_UPGRADE = {
    "echo": b"\x82\x01x\x81\x01y",
    "deaf": b"",
    "leave": b"\x82\x01x\x88\x02\x03\xe9",
    "bad": b"\xff\xff",
    "eof": b"",
    "reset": b"",
}
BEHAVIOURS = [*AFTER_UPGRADE, "stall", "busy", "refuse"]


class CountingServer:
    """Behaves as each request's path says. `overlaps`: new connections that found an older one alive."""

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


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def dial_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("dial-")]


def eventually(done: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end_s, what
        threading.Event().wait(0.002)


def step(transport: Transport, at_most_s: float) -> list[TransportEvent]:
    if not transport.pending():
        deadline_s = transport.deadline_s()
        left_s = at_most_s if deadline_s is None else min(at_most_s, deadline_s - time.monotonic())
        select.select(transport.fds(), [], [], max(0.0, left_s))
    return transport.poll()


class Life(RuleBasedStateMachine):
    """A transport under every order of calls. What must hold is checked after each."""

    server: CountingServer

    def __init__(self) -> None:
        super().__init__()
        self.transport = Transport(SHORT)
        self.epoch = 0
        self.ended = True  # the current epoch's Lost or Closed was seen
        self.opened = False
        self.closes_due = 0
        self.reading = True

    def take(self, events: list[TransportEvent]) -> None:
        assert sum(isinstance(event, Received) for event in events) <= 64
        for event in events:
            assert event.epoch == self.epoch
            match event:
                case Opened():
                    assert not self.opened and not self.ended
                    self.opened = True
                case Received():
                    assert self.opened and not self.ended and self.reading
                case Lost():
                    assert not self.ended
                    self.ended = True
                case Closed():
                    assert self.closes_due == 1
                    self.closes_due = 0
                    self.ended = True

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    def dial(self, behaviour: str) -> None:
        self.take(self.transport.poll())
        endpoint = Endpoint(self.server.url(behaviour))
        if self.transport.state not in (TransportState.IDLE, TransportState.CLOSED):
            with pytest.raises(RuntimeError):
                self.transport.dial(endpoint, self.epoch + 1)
            return
        self.epoch += 1
        self.ended, self.opened, self.reading = False, False, True
        self.transport.dial(endpoint, self.epoch)

    @rule(code=st.sampled_from([1000, 1001, 1005, 4000]), reason=st.text(max_size=5))
    def close(self, code: int, reason: str) -> None:
        self.transport.close(code, reason)
        self.closes_due = 1

    @rule(wait_ms=st.sampled_from([0, 0, 0.3, 1, 3, 10]))
    def poll(self, wait_ms: float) -> None:
        self.take(step(self.transport, wait_ms / 1000))

    @rule(size=st.sampled_from([0, 10, 200]), text=st.booleans())
    def send(self, size: int, text: bool) -> None:
        is_open = self.transport.state is TransportState.OPEN
        failure = self.transport.send(b"x" * size, text)
        assert is_open or failure is not None

    @rule()
    def stop_reading(self) -> None:
        self.take(self.transport.poll())
        self.transport.stop_reading()
        self.reading = False

    @rule()
    def resume_reading(self) -> None:
        self.transport.resume_reading()
        self.reading = True

    @invariant()
    def watches_open_descriptors_once(self) -> None:
        watched = self.transport.fds()
        assert len(set(watched)) == len(watched)
        for fd in watched:
            os.fstat(fd)

    @invariant()
    def somebody_will_call_again_while_something_runs(self) -> None:
        transport = self.transport
        if transport.state not in (TransportState.IDLE, TransportState.CLOSED) or self.closes_due:
            assert transport.fds() or transport.pending() or transport.deadline_s() is not None

    def teardown(self) -> None:
        self.transport.close()
        self.closes_due = 1
        end_s = time.monotonic() + PATIENCE_S
        while self.closes_due:
            assert time.monotonic() < end_s
            self.take(step(self.transport, 0.1))
        eventually(lambda: not self.transport.poll() and self.transport.fds() == [], "a thread is not back")
        eventually(lambda: self.server.alive == 0, "the server still has a connection")
        assert self.server.overlaps == 0


@pytest.fixture
def server() -> Iterator[CountingServer]:
    before = descriptors()
    started = CountingServer()
    yield started
    started.stop()
    eventually(lambda: not dial_threads(), "a dial thread is still there")
    eventually(lambda: descriptors() == before, f"descriptors: {before} before, {descriptors()} after")


def test_any_order_of_calls_keeps_the_rules(server: CountingServer) -> None:
    Life.server = server
    Life.TestCase.settings = settings(
        max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case: Any = Life.TestCase()
    case.runTest()
    assert server.accepted > 0


def close_at_random_moments(server: CountingServer, count: int, seed: int) -> dict[str, int]:
    """Dials `count` times and closes each at a random moment; how the dials had got on by then."""
    chance = random.Random(seed)
    transport = Transport(SHORT)
    seen = {"connecting": 0, "opened": 0, "ended": 0}
    for epoch in range(1, count + 1):
        behaviour = chance.choice(["stall", "echo", "echo", "leave", "reset", "busy", "refuse"])
        transport.dial(Endpoint(server.url(behaviour)), epoch)
        events: list[TransportEvent] = []
        until_s = time.monotonic() + chance.choice([0.0, 0.0001, 0.0005, 0.001, 0.003]) * chance.random()
        while (left_s := until_s - time.monotonic()) > 0:
            events += step(transport, left_s)
        state = "connecting" if transport.state is TransportState.CONNECTING else "ended"
        seen["opened" if any(isinstance(e, Opened) for e in events) else state] += 1
        transport.close()
        while not any(isinstance(event, Closed) for event in events):
            events += step(transport, 1.0)
        assert sum(isinstance(event, Closed) for event in events) == 1
        assert sum(isinstance(event, Lost) for event in events) <= 1
        assert transport.state is TransportState.CLOSED
    eventually(lambda: not transport.poll() and transport.fds() == [], "a thread is not back")
    eventually(lambda: server.alive == 0, "the server still has a connection")
    return seen


def test_row_35_a_thousand_closes_at_random_moments(server: CountingServer) -> None:
    seen = close_at_random_moments(server, 1000, seed=35)
    assert seen["connecting"] > 50 and seen["opened"] > 50, seen
    assert server.overlaps == 0
    assert server.accepted > 300


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_row_35_in_a_hundred_thousand_steps(server: CountingServer) -> None:
    close_at_random_moments(server, 100_000, seed=350)
    assert server.overlaps == 0


def test_closes_at_random_moments_of_a_tls_dial(
    serve: Callable[..., Any], server_tls: Any, ca_file: str
) -> None:
    chance = random.Random(36)
    secure = serve(lambda peer: peer.upgrade().wait_eof(), server_tls)
    before = descriptors()
    transport = Transport(SHORT)
    for epoch in range(1, 201):
        transport.dial(Endpoint(secure.url, ca_file=ca_file), epoch)
        events: list[TransportEvent] = []
        until_s = time.monotonic() + 0.01 * chance.random()
        while (left_s := until_s - time.monotonic()) > 0:
            events += step(transport, left_s)
        transport.close()
        while not any(isinstance(event, Closed) for event in events):
            events += step(transport, 1.0)
    eventually(lambda: not transport.poll() and transport.fds() == [], "a thread is not back")
    eventually(lambda: not dial_threads(), "a dial thread is still there")
    with contextlib.suppress(AssertionError):
        eventually(lambda: descriptors() <= before, "")
    assert descriptors() <= before
