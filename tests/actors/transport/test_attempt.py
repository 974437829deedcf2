"""One attempt against its canceller: whoever comes first, no socket is connected afterwards or left open."""

import socket
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from actors.dial_stages import Plan, UpgradeWire
from actors.dialling import CANCELLED, Attempt, DialFailed, Dialled, Stages
from actors.target import Target, parse_target
from actors.transport import open_websocket
from core.config import TransportSettings
from core.failures import Failure, FailureKind
from core.protocol import Endpoint


@pytest.fixture
def attempt() -> Iterator[Attempt]:
    made = Attempt(1)
    yield made
    made.dispose()
    made._bell.close()  # its thread's, but not every test starts one


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.settimeout(10)
        yield sock


def finish(attempt: Attempt, stages: Stages) -> None:
    attempt.start(stages)
    for thread in threading.enumerate():
        if thread.name == "dial-1":
            thread.join(10)
    assert attempt.done


def test_a_cancelled_attempt_connects_no_more(attempt: Attempt, listener: socket.socket) -> None:
    sock = socket.socket()
    sock.setblocking(False)
    attempt.cancel()
    with pytest.raises(DialFailed):
        attempt.begin_connect(sock, listener.getsockname())
    assert sock.fileno() == -1
    assert attempt.settled
    listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_cancel_after_the_connect_ends_the_connection_at_once(
    attempt: Attempt, listener: socket.socket
) -> None:
    sock = socket.socket()
    sock.setblocking(False)
    attempt.begin_connect(sock, listener.getsockname())
    peer, _ = listener.accept()
    peer.settimeout(10)
    attempt.cancel()
    assert peer.recv(1) == b""
    assert not attempt.settled, "its thread has not closed it yet"
    attempt.drop_socket()
    assert attempt.settled
    assert sock.fileno() == -1
    peer.close()


@pytest.mark.parametrize("before", [True, False], ids=["cancelled first", "finished first"])
def test_a_socket_that_arrives_at_a_cancelled_attempt_is_closed(before: bool, attempt: Attempt) -> None:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)

    def stages(running: Attempt) -> Dialled:
        running._sock = ours
        if before:
            running.cancel()
        return Dialled(ours, b"", None)

    finish(attempt, stages)
    attempt.cancel()
    assert attempt.take() is CANCELLED
    assert theirs.recv(1) == b""
    assert ours.fileno() == -1
    theirs.close()


def test_an_unforeseen_error_is_a_bug_without_its_text(attempt: Attempt) -> None:
    def stages(running: Attempt) -> Any:
        raise KeyError("s3cret")

    finish(attempt, stages)
    failure = attempt.take()
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.BUG
    assert "s3cret" not in failure.text


class Stuck:
    """Stands for a DeadlineSocket whose deadline passes in `at`."""

    def __init__(self, at: str, error: OSError) -> None:
        self.at, self.error, self.received = at, error, b""

    def send_all(self, data: bytes) -> None:
        if self.at == "send":
            raise self.error

    def read_head(self) -> Any:
        raise self.error


@pytest.mark.parametrize("at", ["send", "recv"])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError("timed out"), FailureKind.TIMEOUT),
        (ssl.SSLError("the read operation timed out"), FailureKind.PROTOCOL),
        (ConnectionResetError(104, "reset"), FailureKind.NETWORK),
    ],
    ids=["timeout", "tls", "reset"],
)
def test_the_library_does_not_change_what_went_wrong(
    at: str, error: OSError, kind: FailureKind, attempt: Attempt
) -> None:
    target = parse_target(Endpoint("ws://h/"))
    assert isinstance(target, Target)
    plan = Plan(target, None, TransportSettings(), open_websocket)
    stuck: Any = Stuck(at, error)
    with pytest.raises(DialFailed) as caught:
        open_websocket(UpgradeWire(stuck, target, partial(plan.failing, attempt)), target)
    assert caught.value.failure.kind is kind


def test_the_ear_is_readable_when_the_thread_is_done(attempt: Attempt) -> None:
    finish(attempt, lambda running: Dialled(socket.socket(), b"", None))
    ear = socket.socket(fileno=attempt.fileno())
    ear.settimeout(10)
    assert ear.recv(10) == b"!"
    ear.detach()
    attempt.cancel()
