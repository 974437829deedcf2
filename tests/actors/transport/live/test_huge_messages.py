"""Row 33: what is too large is refused by its header, with 1009, and never buffered."""

import select
import socket
from collections.abc import Callable
from typing import Any

import pytest

from actors.transport import Received
from core.failures import FailureKind

Serve = Callable[..., Any]
Drive = Callable[..., Any]
MIB = 1 << 20
CHUNK = bytes(65_536)


def rss_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def stream_until_close(peer: Any, chunks: Callable[[], bytes]) -> tuple[int, bytes]:
    """Sends without end; the client's first frame stops it."""
    peer.sock.setblocking(False)
    pending = b""
    while True:
        readable, writable, _ = select.select([peer.sock], [peer.sock], [], 20)
        if readable:
            break
        if writable:
            pending = pending or chunks()
            pending = pending[peer.sock.send(pending) :]
    peer.sock.settimeout(20)
    frame: tuple[int, bytes] = peer.read_frame()
    peer.sock.shutdown(socket.SHUT_WR)
    return frame


def two_gib(opcode: int) -> Callable[[Any], tuple[int, bytes]]:
    def play(peer: Any) -> tuple[int, bytes]:
        peer.upgrade().sock.sendall(bytes([0x80 | opcode]) + b"\x7f" + (2 << 30).to_bytes(8, "big"))
        return stream_until_close(peer, lambda: CHUNK)

    return play


def endless_fragments(opcode: int) -> Callable[[Any], tuple[int, bytes]]:
    frame = b"\x00\x7f" + len(CHUNK).to_bytes(8, "big") + CHUNK

    def play(peer: Any) -> tuple[int, bytes]:
        peer.upgrade().sock.sendall(bytes([opcode, 0]))
        return stream_until_close(peer, lambda: frame)

    return play


def endless_small_fragments(peer: Any) -> tuple[int, bytes]:
    peer.upgrade().sock.sendall(b"\x02\x00")
    return stream_until_close(peer, lambda: b"\x00\x7d" + bytes(125))


@pytest.mark.parametrize(
    ("play", "limit_bytes"),
    [
        (two_gib(1), 16 * MIB),
        (two_gib(2), 16 * MIB),
        (endless_fragments(1), 16 * MIB),
        (endless_fragments(2), 16 * MIB),
        (endless_small_fragments, MIB // 4),
    ],
    ids=["2 GiB text", "2 GiB binary", "endless text", "endless binary", "small fragments"],
)
def test_row_33_too_much_is_1009_and_memory_stays_flat(
    play: Callable[[Any], Any], limit_bytes: int, serve: Serve, drive: Drive
) -> None:
    server, driver = serve(play), drive(max_message_bytes=limit_bytes)
    driver.open(server.url)
    before = most = rss_bytes()
    while driver.transport.fds():
        driver.step(1.0)
        most = max(most, rss_bytes())
    lost = driver.lost()
    opcode, payload = server.result()
    assert (opcode, payload[:2]) == (8, (1009).to_bytes(2, "big"))
    assert (lost.failure.kind, lost.code) == (FailureKind.PROTOCOL, 1009)
    assert not any(isinstance(event, Received) for event in driver.events)
    assert most - before < 70 * MIB


@pytest.mark.parametrize("text", [True, False], ids=["text", "binary"])
def test_a_message_of_exactly_the_limit_arrives(text: bool, serve: Serve, drive: Drive) -> None:
    payload = b"x" * 16 * MIB

    def play(peer: Any) -> None:
        peer.upgrade().sock.sendall(
            bytes([0x81 if text else 0x82]) + b"\x7f" + len(payload).to_bytes(8, "big")
        )
        peer.sock.sendall(payload)
        peer.wait_eof()

    driver = drive()
    driver.open(serve(play).url)
    before = most = rss_bytes()
    while not any(isinstance(event, Received) for event in driver.events):
        driver.step(1.0)
        most = max(most, rss_bytes())
    (data,) = driver.messages(1)
    assert data == (payload.decode() if text else payload)
    assert most - before < 70 * MIB
