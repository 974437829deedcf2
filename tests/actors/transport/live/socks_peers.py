"""SOCKS proxies by hand: some that work, and some that refuse, end early, drip or speak something else."""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

GRANTED = b"\x05\0\0\x01\x7f\0\0\1\x04\xd2"


def relay(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def pass_on(peer: Any, port: int) -> None:
    """Both directions, until both have ended."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as onward:
        back = threading.Thread(target=relay, args=(onward, peer.sock), daemon=True)
        back.start()
        relay(peer.sock, onward)
        back.join(20)


def greeted(peer: Any, *, login: bool = False, accept: bool = True) -> tuple[str, str] | None:
    """SOCKS5 up to the request; the credentials, if it asks for them."""
    version, count = peer._exactly(2)
    assert version == 5
    methods = peer._exactly(count)
    if not login:
        peer.sock.sendall(b"\x05\0")
        return None
    assert 2 in methods
    peer.sock.sendall(b"\x05\x02")
    assert peer._exactly(1) == b"\x01"
    user, password = (peer._exactly(peer._exactly(1)[0]).decode() for _ in range(2))
    peer.sock.sendall(b"\x01\0" if accept else b"\x01\x01")
    return user, password


def asked5(peer: Any) -> tuple[str, int]:
    """Where a SOCKS5 client wants to go."""
    version, command, _, kind = peer._exactly(4)
    assert (version, command) == (5, 1)
    if kind == 3:
        host = peer._exactly(peer._exactly(1)[0]).decode()
    else:
        family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, peer._exactly(size))
    return host, int.from_bytes(peer._exactly(2), "big")


def asked4(peer: Any) -> tuple[str, str, int]:
    """User, host and port of a SOCKS4a client."""
    assert peer._exactly(2) == b"\x04\x01"
    port = int.from_bytes(peer._exactly(2), "big")
    address, user = peer._exactly(4), text(peer)
    return user, text(peer) if address == b"\0\0\0\x01" else socket.inet_ntoa(address), port


def text(peer: Any) -> str:
    found = b""
    while (byte := peer._exactly(1)) != b"\0":
        found += byte
    return found.decode()


def socks5(peer: Any) -> tuple[str, int]:
    """A working proxy, whatever name it is asked for; what it was asked."""
    greeted(peer)
    host, port = asked5(peer)
    peer.sock.sendall(GRANTED)
    pass_on(peer, port)
    return host, port


def socks5_login(peer: Any) -> tuple[str, str] | None:
    given = greeted(peer, login=True)
    _, port = asked5(peer)
    peer.sock.sendall(GRANTED)
    pass_on(peer, port)
    return given


def socks4a(peer: Any) -> tuple[str, str, int]:
    user, host, port = asked4(peer)
    peer.sock.sendall(b"\0\x5a" + bytes(6))
    pass_on(peer, port)
    return user, host, port


def refusing(reply: bytes) -> Callable[[Any], None]:
    def play(peer: Any) -> None:
        greeted(peer)
        asked5(peer)
        peer.sock.sendall(reply)
        peer.wait_eof()

    return play


def wrong_login(peer: Any) -> None:
    greeted(peer, login=True, accept=False)
    peer.wait_eof()


def no_method(peer: Any) -> None:
    peer._exactly(2)
    peer.sock.sendall(b"\x05\xff")
    peer.wait_eof()


def ends_after_greeting(peer: Any) -> None:
    greeted(peer)


def ends_after_request(peer: Any) -> None:
    greeted(peer)
    asked5(peer)


def resets(peer: Any) -> None:
    greeted(peer)
    asked5(peer)
    peer.reset()


def speaks_http(peer: Any) -> None:
    peer._exactly(3)
    peer.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    peer.wait_eof()


def dripping(until: threading.Event) -> Callable[[Any], None]:
    def play(peer: Any) -> None:
        greeted(peer)
        asked5(peer)
        with contextlib.suppress(OSError):
            peer.sock.sendall(b"\x05\0\0\x03\xff")  # bound to a name of 255 bytes
            while not until.wait(0.1):
                peer.sock.sendall(b"x")

    return play
