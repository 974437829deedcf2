"""Closing what is not open: idle, dialling, lost, closed; and abort."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from actors.transport import Closed, Lost, Transport, TransportState
from core.config import TransportSettings

Serve = Callable[..., Any]
Drive = Callable[..., Any]


def all_frames(peer: Any) -> list[tuple[int, bytes]]:
    return list(peer.upgrade().frames())


def test_a_transport_that_never_dialled_closes(settings: TransportSettings) -> None:
    transport = Transport(settings)
    assert transport.state is TransportState.IDLE
    transport.close()
    assert transport.pending()
    assert transport.poll() == [Closed(0, None, "")]
    assert transport.state is TransportState.CLOSED
    assert transport.poll() == []


def test_close_after_a_loss_gives_its_closed_too(serve: Serve, drive: Drive) -> None:
    driver = drive()
    lost = driver.lost(serve(lambda peer: peer.upgrade().reset()).url)
    assert driver.close() == Closed(1, None, "")
    driver.transport.close()
    assert driver.transport.poll() == [Closed(1, None, "")]
    assert driver.events.count(lost) == 1


def test_close_before_a_loss_was_polled_gives_both_in_order(serve: Serve, drive: Drive) -> None:
    driver = drive()
    driver.dial("nonsense")
    driver.transport.close()
    assert [type(event) for event in driver.transport.poll()] == [Lost, Closed]


def test_a_closed_transport_dials_again(serve: Serve, drive: Drive) -> None:
    server, driver = serve(all_frames), drive()
    for epoch in (1, 2, 3):
        assert driver.open(server.url).epoch == epoch
        assert driver.close().epoch == epoch
    assert server.accepted == 3


def test_close_in_the_dial_shuts_the_socket_down_and_its_thread_ends(serve: Serve, drive: Drive) -> None:
    arrived = threading.Event()

    def play(peer: Any) -> bool:
        peer.read_request()
        arrived.set()
        peer.wait_eof()
        return True

    server, driver = serve(play), drive(dial_timeout_s=20.0)
    driver.dial(server.url)
    assert arrived.wait(20)
    threads = [thread for thread in threading.enumerate() if thread.name == "dial-1"]
    started_s = time.monotonic()
    assert driver.close() == Closed(1, None, "")
    assert server.result() is True
    assert time.monotonic() - started_s < 1.5
    assert driver.transport.fds() == []
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()


def test_close_when_the_dial_is_done_but_not_yet_polled(serve: Serve, drive: Drive) -> None:
    server, driver = serve(all_frames), drive()
    driver.dial(server.url)
    while any(thread.name == "dial-1" for thread in threading.enumerate()):
        threading.Event().wait(0.001)
    driver.transport.close()
    assert driver.transport.poll() == [Closed(1, None, "")]
    assert server.result() == []


def test_abort_closes_at_once_and_tells_nothing(serve: Serve, drive: Drive) -> None:
    server, driver = serve(all_frames), drive()
    driver.open(server.url)
    driver.transport.abort()
    assert driver.transport.fds() == []
    assert driver.transport.poll() == []
    assert driver.transport.state is TransportState.CLOSED
    assert server.result() == []
    driver.transport.abort()


def test_a_bug_of_the_transport_is_a_loss_with_the_descriptor_closed(
    serve: Serve, drive: Drive, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, driver = serve(all_frames), drive()
    driver.open(server.url)

    def broken(*args: Any) -> Any:
        raise LookupError("with a secret")

    monkeypatch.setattr("actors.connection.Connection.advance", broken)
    (lost,) = driver.transport.poll()
    assert isinstance(lost, Lost)
    assert lost.failure.text == "the transport failed with LookupError"
    assert driver.transport.fds() == []
    assert driver.transport.poll() == []
    assert server.result() == []
