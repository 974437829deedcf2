"""Messages both ways, batches, back-pressure, floods of pings. Row 9."""

import math
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.sync.server import serve as serve_websockets

from actors.transport import Closed, Opened, Received
from core.protocol import Endpoint

Serve = Callable[..., Any]
Drive = Callable[..., Any]


def test_a_real_server_echoes_text_and_binary_of_every_length_class(drive: Drive) -> None:
    def echo(link: Any) -> None:
        for message in link:
            link.send(message)

    server = serve_websockets(echo, "127.0.0.1", 0, max_size=None)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        driver = drive(send_timeout_s=10.0)
        driver.open(f"ws://127.0.0.1:{server.socket.getsockname()[1]}/")
        sent: list[bytes | str] = []
        for size in (0, 1, 125, 126, 65_535, 65_536, 1_000_000):
            sent += ["ä" * size, bytes(size)]
            driver.transport.send(("ä" * size).encode(), True)
            driver.transport.send(bytes(size), False)
        assert driver.messages(len(sent)) == sent
        assert driver.close(1000, "done") == Closed(1, 1000, "done")
    finally:
        server.shutdown()
        thread.join(20)


def test_row_9_frames_in_one_byte_slices_arrive_whole(serve: Serve, drive: Drive) -> None:
    def play(peer: Any) -> None:
        peer.upgrade()
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"\x81\x05h\xc3\xa4ll\x89\x00\x02\x01a\x80\x01b":
            peer.sock.sendall(bytes([byte]))
        peer.wait_eof()

    driver = drive()
    driver.open(serve(play).url)
    assert driver.messages(2) == ["häll", b"ab"]
    assert driver.transport.last_frame_s is not None


def test_at_most_64_messages_leave_per_poll_and_the_rest_is_pending(serve: Serve, drive: Drive) -> None:
    server = serve(lambda peer: peer.upgrade(behind=b"\x82\x01x" * 1000).wait_eof())
    driver = drive()
    driver.open(server.url)
    polls = 0
    while sum(isinstance(event, Received) for event in driver.events) < 1000:
        assert driver.transport.pending()
        driver.step(1.0)
        polls += 1
    assert polls >= 1000 // 64


def test_endless_empty_fragments_do_not_keep_a_poll_busy(serve: Serve, drive: Drive) -> None:
    server = serve(
        lambda peer: peer.upgrade(behind=b"\x02\x00" + b"\x00\x00" * 20_000 + b"\x80\x01x").wait_eof()
    )
    driver = drive()
    driver.open(server.url)
    driver.step(1.0)
    assert driver.transport.pending()
    assert driver.messages(1) == [b"x"]


def test_a_stopped_reader_takes_nothing_and_loses_nothing(serve: Serve, drive: Drive) -> None:
    go = threading.Event()

    def play(peer: Any) -> None:
        peer.upgrade().send(2, b"1")
        go.wait(20)
        peer.sock.sendall(b"\x82\x012" * 200)
        peer.wait_eof()

    driver = drive()
    driver.open(serve(play).url)
    driver.messages(1)
    (fd,) = driver.transport.fds()
    driver.transport.stop_reading()
    go.set()
    assert select.select([fd], [], [], 20)[0]
    assert driver.transport.fds() == []
    assert not driver.transport.pending()
    assert driver.transport.poll() == []
    assert driver.transport.send(b"still sending", False) is None
    driver.transport.resume_reading()
    assert driver.transport.fds() == [fd]
    assert driver.messages(201) == [b"1", *[b"2"] * 200]


def test_back_pressure_in_the_middle_of_a_batch_keeps_the_rest(serve: Serve, drive: Drive) -> None:
    driver = drive()
    driver.open(serve(lambda peer: peer.upgrade(behind=b"\x82\x01x" * 300).wait_eof()).url)
    driver.step(1.0)
    driver.transport.stop_reading()
    before = len(driver.events)
    assert not driver.transport.pending()
    assert driver.transport.poll() == []
    driver.transport.resume_reading()
    assert driver.transport.pending()
    driver.messages(300)
    assert before < len(driver.events)


def test_a_stopped_reader_can_still_close(serve: Serve, drive: Drive) -> None:
    driver = drive()
    driver.open(serve(lambda peer: peer.upgrade().frames()).url)
    driver.transport.stop_reading()
    assert driver.close() == Closed(1, None, "")


def test_a_flood_of_pings_blocks_nothing_and_the_last_one_is_answered(serve: Serve, drive: Drive) -> None:
    count = 20_000
    pings = b"".join(b"\x89\x7d" + b"%0125d" % index for index in range(count))

    def play(peer: Any) -> tuple[int, bytes]:
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        peer.upgrade().sock.sendall(pings)  # while this runs, no pong is read
        peer.send(2, b"end")
        answers = 0
        payload = b""
        while payload != b"%0125d" % (count - 1):
            opcode, payload = peer.read_frame()
            assert opcode == 10
            answers += 1
        return answers, payload

    server, driver = serve(play), drive(send_timeout_s=20.0)
    driver.open(server.url)
    sock = socket.socket(fileno=os.dup(driver.transport.fds()[0]))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    sock.close()
    longest_s = 0.0
    while not any(isinstance(event, Received) for event in driver.events):
        started_s = time.monotonic()
        driver.step(1.0)
        longest_s = max(longest_s, time.monotonic() - started_s)
    driver.run(lambda: bool(server.results))
    answers, _ = server.result()
    assert 0 < answers < count, "the pongs never found the socket full"
    assert longest_s < 2.0


def test_a_link_that_has_read_everything_asks_for_no_further_poll(serve: Serve, drive: Drive) -> None:
    driver = drive()
    driver.open(serve(lambda peer: peer.upgrade(behind=b"\x82\x01x" * 65).wait_eof()).url)
    assert driver.transport.pending()
    driver.messages(65)
    driver.step(0)
    assert not driver.transport.pending()
    assert driver.transport.deadline_s() == pytest.approx(time.monotonic() + 20, abs=10)


def test_no_ping_and_no_deadline_without_an_interval(serve: Serve, drive: Drive) -> None:
    driver = drive(ping_interval_s=0.1)
    opened = driver.open(Endpoint(serve(lambda peer: peer.upgrade().wait_eof()).url, ping_interval_s=None))
    assert isinstance(opened, Opened)
    driver.step(0)
    assert (driver.transport.deadline_s() or math.inf) == math.inf
