"""How open links are lost: resets, half-closes, the server's Close, sends that find no room. Rows 5 and 10."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from actors.transport import Lost, TransportState
from core.failures import FailureKind

Serve = Callable[..., Any]
Drive = Callable[..., Any]


def test_row_5_a_reset_is_a_network_failure_at_once(serve: Serve, drive: Drive) -> None:
    now = threading.Event()
    server, driver = serve(lambda peer: peer.upgrade() and now.wait(20) and peer.reset()), drive()
    driver.open(server.url)
    started_s = time.monotonic()
    now.set()
    lost = driver.lost()
    assert time.monotonic() - started_s < 1
    assert (lost.failure.kind, lost.code) == (FailureKind.NETWORK, None)
    assert "reset" in lost.failure.text
    assert driver.transport.fds() == []


def test_row_10_a_half_closed_connection_is_lost_and_its_descriptor_closed(
    serve: Serve, drive: Drive
) -> None:
    def play(peer: Any) -> None:
        peer.upgrade().send(2, b"last")
        peer.sock.shutdown(socket.SHUT_WR)
        peer.wait_eof()

    server, driver = serve(play), drive()
    driver.open(server.url)
    started_s = time.monotonic()
    lost = driver.lost()
    assert time.monotonic() - started_s < 1
    assert driver.messages(1) == [b"last"]
    assert lost.failure.kind is FailureKind.NETWORK
    assert "without a Close" in lost.failure.text
    assert driver.transport.fds() == []
    server.result()


@pytest.mark.parametrize(
    ("payload", "code", "reason", "shown"),
    [
        (b"\x03\xf0no \x1b[31mentry", 1008, "no \x1b[31mentry", "(1008: no ?[31mentry)"),
        (b"\x03\xeb", 1003, "", "(1003)"),
        (b"", None, "", "(no code)"),
    ],
)
def test_a_close_by_the_server_is_an_upstream_failure_with_its_code_and_reason(
    payload: bytes, code: int | None, reason: str, shown: str, serve: Serve, drive: Drive
) -> None:
    def play(peer: Any) -> list[tuple[int, bytes]]:
        peer.upgrade().send(8, payload)
        return list(peer.frames())

    server, driver = serve(play), drive()
    lost = driver.lost(server.url)
    assert (lost.failure.kind, lost.code, lost.reason) == (FailureKind.UPSTREAM, code, reason)
    assert shown in lost.failure.text
    assert server.result() == [(8, payload[:2])]


def test_a_server_that_closes_but_keeps_the_connection_is_left_after_a_moment(
    serve: Serve, drive: Drive
) -> None:
    server, driver = serve(lambda peer: peer.upgrade().send(8, b"\x03\xe9") or peer.wait_eof()), drive()
    driver.open(server.url)
    started_s = time.monotonic()
    driver.run(lambda: driver.transport.state is TransportState.CLOSING)
    assert driver.lost().failure.kind is FailureKind.UPSTREAM
    assert time.monotonic() - started_s < 1.5
    server.result()


def test_an_answer_to_the_last_message_still_leaves_before_the_close_is_answered(
    serve: Serve, drive: Drive
) -> None:
    def play(peer: Any) -> list[tuple[int, bytes]]:
        peer.upgrade(behind=b"\x82\x01?\x88\x02\x03\xe8")
        return list(peer.frames())

    server, driver = serve(play), drive()
    driver.dial(server.url)
    driver.messages(1)
    assert driver.transport.send(b"!", False) is None
    driver.lost()
    assert server.result() == [(2, b"!"), (8, b"\x03\xe8")]


def test_a_peer_that_reads_nothing_ends_a_send_in_time(serve: Serve, drive: Drive) -> None:
    done = threading.Event()
    server, driver = serve(lambda peer: peer.upgrade() and done.wait(20)), drive(send_timeout_s=0.3)
    driver.open(server.url)
    failure = None
    while failure is None:
        started_s = time.monotonic()
        failure = driver.transport.send(bytes(1 << 20), False)
    assert 0.3 <= time.monotonic() - started_s < 1.5
    assert failure.kind is FailureKind.TIMEOUT
    assert driver.transport.state is TransportState.CLOSED
    assert driver.transport.fds() == []
    assert driver.transport.pending()
    assert driver.transport.poll() == [Lost(1, failure, None, "")]
    done.set()


def test_a_send_to_a_reset_connection_fails_and_the_loss_follows(serve: Serve, drive: Drive) -> None:
    server, driver = serve(lambda peer: peer.upgrade().reset()), drive()
    driver.open(server.url)
    server.result()
    failure = driver.transport.send(b"x", False)
    assert failure is not None
    assert failure.kind is FailureKind.NETWORK
    assert driver.transport.poll() == [Lost(1, failure, None, "")]


def test_nothing_is_sent_on_a_link_that_is_not_open(serve: Serve, drive: Drive) -> None:
    driver = drive()
    assert driver.transport.send(b"x", False) is not None
    driver.open(serve(lambda peer: peer.upgrade().frames()).url)
    driver.close()
    assert driver.transport.send(b"x", False) is not None
    assert driver.transport.poll() == []
    assert driver.transport.state is TransportState.CLOSED
