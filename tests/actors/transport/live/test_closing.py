"""Closing an open link: one Close frame, one Closed event, in time, whatever the peer does. Row 34."""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from actors.transport import Closed, Lost, Received, TransportState

Serve = Callable[..., Any]
Drive = Callable[..., Any]
NORMAL = (8, b"\x03\xe8")


def all_frames(peer: Any) -> list[tuple[int, bytes]]:
    return list(peer.upgrade().frames())


def test_an_open_link_closes_with_one_frame_however_often_it_is_asked(serve: Serve, drive: Drive) -> None:
    server, driver = serve(all_frames), drive()
    driver.open(server.url)
    for _ in range(3):
        driver.transport.close(1001, "going")
    assert driver.transport.state is TransportState.CLOSING
    assert driver.close() == Closed(1, None, "")
    driver.step(0)
    assert driver.transport.fds() == []
    assert server.result() == [(8, b"\x03\xe9going")]
    assert sum(isinstance(event, Closed) for event in driver.events) == 1


def test_the_peers_answer_is_reported(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> None:
        assert peer.upgrade().read_frame()[0] == 8
        peer.send(8, b"\x0f\xa0see you")

    driver = drive()
    driver.open(serve(play).url)
    assert driver.close() == Closed(1, 4000, "see you")


@pytest.mark.parametrize(
    ("code", "reason", "payload"),
    [
        (1005, "", b"\x03\xe8"),
        (99_999, "x", b"\x03\xe8x"),
        (-1, "", b"\x03\xe8"),
        (4999, "ä" * 100, b"\x13\x87" + "ä".encode() * 61),
    ],
)
def test_an_illegal_code_or_a_long_reason_does_no_harm(
    code: int, reason: str, payload: bytes, serve: Serve, drive: Drive
) -> None:
    server, driver = serve(all_frames), drive()
    driver.open(server.url)
    driver.close(code, reason)
    assert server.result() == [(8, payload)]


def test_row_34_a_peer_that_never_answers_the_close_is_left_in_time(serve: Serve, drive: Drive) -> None:
    server, driver = serve(lambda peer: peer.upgrade().wait_eof()), drive(close_timeout_s=0.5)
    driver.open(server.url)
    started_s = time.monotonic()
    assert driver.close() == Closed(1, None, "")
    assert 0.5 <= time.monotonic() - started_s < 1.5
    assert driver.transport.fds() == []
    server.result()


def test_a_peer_that_floods_instead_of_closing_is_left_in_time(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> None:
        peer.upgrade()
        try:
            while True:
                peer.sock.sendall(b"\x82\x01x" * 1000)
        except OSError:
            return

    server, driver = serve(play), drive(close_timeout_s=0.3)
    driver.open(server.url)
    driver.messages(1)
    before = sum(isinstance(event, Received) for event in driver.events)
    started_s = time.monotonic()
    driver.close()
    assert time.monotonic() - started_s < 1.5
    assert sum(isinstance(event, Received) for event in driver.events) == before
    server.result()


def test_a_close_that_finds_no_room_is_over_in_time(serve: Serve, drive: Drive) -> None:
    done = threading.Event()
    driver = drive(close_timeout_s=0.3, send_timeout_s=0.2)
    driver.open(serve(lambda peer: peer.upgrade() and done.wait(20)).url)
    sock = socket.socket(fileno=driver.transport.fds()[0])
    try:
        while sock.send(bytes(65_536)):  # fills the socket behind the transport's back
            pass
    except BlockingIOError:
        sock.detach()
    started_s = time.monotonic()
    driver.close()
    assert time.monotonic() - started_s < 1.5
    assert driver.transport.fds() == []
    done.set()


@pytest.mark.parametrize(
    "end",
    [
        lambda peer: peer.reset(),
        lambda peer: peer.sock.shutdown(socket.SHUT_WR),
        lambda peer: peer.sock.sendall(b"\xff\xff"),
        lambda peer: peer.sock.sendall(b"\x88\x01x"),
    ],
    ids=["reset", "eof", "malformed", "bad close"],
)
def test_whatever_the_peer_does_to_a_closing_link_it_is_closed_once(
    end: Callable[[Any], Any], serve: Serve, drive: Drive
) -> None:
    def play(peer: Any) -> list[tuple[int, bytes]]:
        frame = peer.upgrade().read_frame()
        end(peer)
        return [frame, *(peer.frames() if peer.sock.fileno() >= 0 else [])]

    server, driver = serve(play), drive()
    driver.open(server.url)
    assert driver.close() == Closed(1, None, "")
    assert not any(isinstance(event, Lost) for event in driver.events)
    assert server.result() == [NORMAL]


def test_a_close_asked_while_the_peer_closes_is_still_one_frame_and_one_closed(
    serve: Serve, drive: Drive
) -> None:
    def play(peer: Any) -> list[tuple[int, bytes]]:
        peer.upgrade().send(8, b"\x03\xe9")
        frames = [peer.read_frame()]
        asked.wait(20)
        return frames + list(peer.frames())

    asked = threading.Event()
    server, driver = serve(play), drive()
    driver.open(server.url)
    driver.run(lambda: driver.transport.state is TransportState.CLOSING)
    driver.transport.close(4000)
    asked.set()
    assert driver.wait(Closed) == Closed(1, 1001, "")
    assert not any(isinstance(event, Lost) for event in driver.events)
    assert server.result() == [(8, b"\x03\xe9")]


def test_both_sides_closing_at_once_is_a_clean_end(serve: Serve, drive: Drive) -> None:
    sent = threading.Event()

    def play(peer: Any) -> list[tuple[int, bytes]]:
        peer.upgrade().send(8, b"\x03\xe9")
        sent.set()
        return list(peer.frames())

    server, driver = serve(play), drive()
    driver.open(server.url)
    assert sent.wait(20)
    driver.transport.close()  # the peer's Close is there, unread
    assert driver.wait(Closed) == Closed(1, 1001, "")
    assert server.result() == [NORMAL]


def test_messages_behind_our_close_are_not_delivered(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> None:
        assert peer.upgrade().read_frame()[0] == 8
        peer.sock.sendall(b"\x82\x01x\x89\x01p")
        peer.send(8, b"\x03\xe8")

    driver = drive()
    driver.open(serve(play).url)
    driver.close()
    assert not any(isinstance(event, Received) for event in driver.events)
