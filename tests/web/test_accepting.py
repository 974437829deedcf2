"""The threads that take connections: whether they turn is told, whatever the workers do."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from cli.web_process import while_turning
from core.config import HttpSettings
from tests.web.conftest import eventually
from web import binding
from web.accepting import STUCK_S, TurningServer, Turns
from web.hardening import strict_server

THREADS = 3
HTTP = HttpSettings(host="127.0.0.1", port=0, threads=THREADS)
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Bench:
    """A server whose application waits for `go`, with a clock of its own."""

    def __init__(self) -> None:
        self.clock, self.go, self.inside = Clock(), threading.Event(), threading.Semaphore(0)
        self.turns = Turns(self.clock)
        [sock] = binding.bind(HTTP)
        self.server: Any = strict_server(
            HTTP, sock, None, 1.0, lambda *_: None, partial(TurningServer, self.turns)
        )
        self.server.wsgi_app, self.server.expiration_interval = (
            self.answer,
            0.05,
        )  # turns are what is waited for
        self.server.prepare()
        self.thread = threading.Thread(target=self.server.serve, daemon=True)
        self.thread.start()
        self.port = sock.getsockname()[1]

    def answer(self, _environ: Any, start: Any) -> list[bytes]:
        self.inside.release()
        self.go.wait(20)
        start("200 OK", [("Content-Length", "0")])
        return []

    def ask(self, stack: contextlib.ExitStack) -> socket.socket:
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), 10))
        sock.sendall(REQUEST)
        return sock


@pytest.fixture
def bench() -> Iterator[Bench]:
    one = Bench()
    yield one
    one.go.set()
    one.server.stop()


def test_a_loop_turns_while_every_worker_is_busy_and_more_wait(bench: Bench) -> None:
    with contextlib.ExitStack() as stack:
        clients = [bench.ask(stack) for _ in range(3 * THREADS)]
        for _ in range(THREADS):
            assert bench.inside.acquire(timeout=10)
        bench.clock.now_s += STUCK_S + 1
        eventually(lambda: not bench.turns.stuck())
        bench.go.set()
        assert all(sock.recv(100).startswith(b"HTTP/1.1 200") for sock in clients)


def test_a_loop_that_hangs_is_stuck_though_a_worker_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, release = threading.Event(), threading.Event()

    def hang() -> bool:
        hanging.set()
        return release.wait(20)

    select = bench.server._connections._selector.select
    monkeypatch.setattr(bench.server._connections._selector, "select", lambda **how: hang() and select(**how))
    assert hanging.wait(10)
    assert not bench.turns.stuck(), "not yet"
    bench.clock.now_s += STUCK_S + 1
    with pytest.raises(AttributeError):
        bench.server.process_conn(None)  # as a worker does with a connection that has more to say
    assert bench.turns.stuck()
    release.set()
    eventually(lambda: not bench.turns.stuck())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_ended_by_itself_is_stuck(bench: Bench) -> None:
    bench.server._interrupt = RuntimeError("what a worker died of")
    bench.server._connections.stop()
    bench.thread.join(10)
    bench.clock.now_s += STUCK_S + 1
    assert bench.turns.stuck()


def test_of_a_loop_that_was_asked_to_end_nothing_is_expected(bench: Bench) -> None:
    bench.server.stop()
    bench.clock.now_s += STUCK_S + 1
    assert not bench.turns.stuck()


def test_a_process_whose_loop_is_stuck_gives_no_sign_of_life_until_it_turns_again() -> None:
    clock, given = Clock(), []
    turns = Turns(clock)
    sign = while_turning(given.append, turns)
    sign(1.0)
    turns.turned("a")
    turns.turned("b")
    clock.now_s += STUCK_S
    turns.turned("a")
    sign(2.0)
    clock.now_s += 1
    sign(3.0)
    sign(4.0)
    turns.turned("b")
    sign(5.0)
    assert given == [1.0, 2.0, 5.0], "each address has a loop of its own"
