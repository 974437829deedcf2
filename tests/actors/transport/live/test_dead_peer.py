"""Peers that fall silent: protocol pings, TCP_USER_TIMEOUT, keepalive. Rows 3 and 4, with short settings.

A classic BPF filter "drop everything" on the server's socket makes the network behind it a black hole: what the
client sends is never acknowledged, and no reset comes back.
"""

import ctypes
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

from actors.transport import Lost, Received, TransportState
from core.config import TransportSettings
from core.failures import FailureKind
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]
SO_ATTACH_FILTER = 26
BPF_RETURN = 0x06


class Clock:
    """Monotonic seconds that move by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def drop_everything(sock: socket.socket) -> None:
    program = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RETURN, 0, 0, 0))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))


def hole(peer: Any) -> None:
    peer.upgrade()
    drop_everything(peer.sock)
    peer.send(2, b"from now on nothing")
    peer.release.wait(20)


def black_hole(serve: Serve) -> tuple[Any, threading.Event]:
    release = threading.Event()

    def play(peer: Any) -> None:
        peer.release = release
        hole(peer)

    return serve(play), release


def test_row_4_unacknowledged_data_ends_the_link(serve: Serve, drive: Drive) -> None:
    server, release = black_hole(serve)
    driver = drive(user_timeout_s=1.0)
    driver.open(server.url)
    driver.messages(1)
    assert driver.transport.send(b"into the void", False) is None
    started_s = time.monotonic()
    lost = driver.lost()
    assert time.monotonic() - started_s < 5
    assert lost.failure.kind is FailureKind.TIMEOUT
    assert driver.transport.fds() == []
    release.set()


def test_row_3_keepalive_ends_an_idle_link_without_any_ping(serve: Serve, drive: Drive) -> None:
    server, release = black_hole(serve)
    driver = drive(keepalive_idle_s=1, keepalive_interval_s=1, keepalive_count=1, user_timeout_s=2.0)
    driver.open(Endpoint(server.url, ping_interval_s=None))
    started_s = time.monotonic()
    lost = driver.lost()
    assert time.monotonic() - started_s < 8
    assert lost.failure.kind is FailureKind.TIMEOUT
    release.set()


def test_row_3_an_unanswered_ping_ends_an_idle_link(serve: Serve, drive: Drive) -> None:
    server, release = black_hole(serve)
    driver = drive(ping_interval_s=0.3, ping_timeout_s=0.3)
    driver.open(server.url)
    driver.messages(1)
    started_s = time.monotonic()
    lost = driver.lost()
    assert time.monotonic() - started_s < 2
    assert lost.failure.kind is FailureKind.TIMEOUT
    assert "ping" in lost.failure.text
    assert driver.transport.fds() == []
    release.set()


def test_the_socket_has_the_settings_for_dead_peers(serve: Serve, drive: Drive) -> None:
    driver = drive(user_timeout_s=TransportSettings().user_timeout_s)
    driver.open(serve(lambda peer: peer.upgrade().wait_eof()).url)
    sock = socket.socket(fileno=os.dup(driver.transport.fds()[0]))
    tcp = socket.IPPROTO_TCP
    assert sock.getsockopt(tcp, socket.TCP_USER_TIMEOUT) == 20_000
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert sock.getsockopt(tcp, socket.TCP_KEEPIDLE) == 10
    assert sock.getsockopt(tcp, socket.TCP_KEEPINTVL) == 5
    assert sock.getsockopt(tcp, socket.TCP_KEEPCNT) == 3
    assert sock.getsockopt(tcp, socket.TCP_NODELAY) == 1
    sock.close()


def test_answered_pings_keep_the_link_and_leave_at_the_interval(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> int:
        peer.upgrade()
        for _ in range(5):
            opcode, payload = peer.read_frame()
            assert opcode == 9
            peer.send(10, payload)
        peer.send(2, b"enough")
        peer.wait_eof()
        return 5

    driver = drive(ping_interval_s=0.1, ping_timeout_s=5.0)
    started_s = time.monotonic()
    driver.open(serve(play).url)
    driver.messages(1)
    assert time.monotonic() - started_s >= 0.45
    assert driver.transport.state is TransportState.OPEN


def test_the_shorter_of_both_intervals_counts(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> int:
        return int(peer.upgrade().read_frame()[0])

    for of_endpoint_s, of_settings_s in ((0.1, 3600.0), (3600.0, 0.1)):
        server, driver = serve(play), drive(ping_interval_s=of_settings_s)
        driver.open(Endpoint(server.url, ping_interval_s=of_endpoint_s))
        driver.run(lambda server=server: bool(server.results))
        assert server.result() == 9


def test_any_frame_counts_as_life(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> None:
        peer.upgrade()
        for _ in range(6):
            assert peer.read_frame()[0] == 9
            peer.send(2, b"no pong, but alive")
        peer.wait_eof()

    driver = drive(ping_interval_s=0.1, ping_timeout_s=5.0)
    driver.open(serve(play).url)
    driver.messages(6)
    assert not any(isinstance(event, Lost) for event in driver.events)


def test_the_bytes_of_one_long_frame_count_as_life(serve: Serve, drive: Drive) -> None:
    clock = Clock()
    header_sent = threading.Event()
    step = threading.Semaphore(0)

    def play(peer: Any) -> None:
        peer.upgrade()
        peer.sock.sendall(b"\x82\x7e\x00\x80")
        header_sent.set()
        for _ in range(128):
            step.acquire(timeout=20)
            peer.sock.sendall(b"x")
        peer.wait_eof()

    driver = drive(clock=clock, ping_interval_s=4.0, ping_timeout_s=6.0)
    driver.open(serve(play).url)
    (fd,) = driver.transport.fds()
    assert header_sent.wait(20)
    events = driver.transport.poll()
    for _ in range(128):  # a byte every 5 s of the clock: 640 s for one frame
        clock.now_s += 5.0
        step.release()
        assert select.select([fd], [], [], 20)[0]
        events += driver.transport.poll()
    assert [event.data for event in events] == [b"x" * 128]
    assert driver.transport.state is TransportState.OPEN


def test_a_process_that_was_paused_reads_before_it_judges(serve: Serve, drive: Drive) -> None:
    clock = Clock()

    def play(peer: Any) -> None:
        opcode, payload = peer.upgrade().read_frame()
        assert opcode == 9
        peer.send(10, payload)
        peer.send(2, b"sent in time")
        peer.wait_eof()

    driver = drive(clock=clock, ping_interval_s=20.0, ping_timeout_s=10.0)
    driver.open(serve(play).url)
    (fd,) = driver.transport.fds()
    clock.now_s += 20.0
    driver.transport.poll()
    assert driver.transport.deadline_s() == 1030.0
    assert select.select([fd], [], [], 20)[0]
    clock.now_s += 3600.0
    driver.messages(1)
    assert driver.transport.state is TransportState.OPEN


def test_a_silent_peer_is_dead_just_before_interval_plus_timeout(serve: Serve, drive: Drive) -> None:
    clock = Clock()
    driver = drive(clock=clock, ping_interval_s=20.0, ping_timeout_s=10.0)
    driver.open(serve(lambda peer: peer.upgrade().wait_eof()).url)
    driver.transport.poll()
    assert driver.transport.deadline_s() == 1019.0
    clock.now_s = 1019.0
    assert driver.transport.poll() == []
    clock.now_s = 1028.9
    assert driver.transport.poll() == []
    clock.now_s = 1029.0
    (lost,) = driver.transport.poll()
    assert isinstance(lost, Lost)
    assert lost.failure.kind is FailureKind.TIMEOUT


def test_a_stopped_reader_does_not_judge_its_peer(serve: Serve, drive: Drive) -> None:
    clock = Clock()

    def play(peer: Any) -> None:
        peer.upgrade()
        while (frame := peer.read_frame())[0] == 9:
            peer.send(10, frame[1])

    driver = drive(clock=clock, ping_interval_s=20.0, ping_timeout_s=10.0)
    driver.open(serve(play).url)
    driver.transport.poll()
    clock.now_s += 20.0
    driver.transport.poll()
    driver.transport.stop_reading()
    for _ in range(10):
        clock.now_s += 40.0
        assert driver.transport.poll() == []
    driver.transport.resume_reading()
    clock.now_s += 5.0
    assert not [event for event in driver.transport.poll() if not isinstance(event, Received)]
    assert driver.transport.state is TransportState.OPEN
