"""Raw exchanges with a live server, and their responses taken apart."""

import json
import socket
from typing import Any

from tests.web.conftest import DEADLINE_S, Live


def exchange(live: Live, raw: bytes, *, half_close: bool = True) -> bytes:
    """Send bytes, read until the server closes."""
    with socket.create_connection(("127.0.0.1", live.port), DEADLINE_S) as sock:
        sock.sendall(raw)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        received = b""
        while data := sock.recv(65536):
            received += data
    return received


def responses(raw: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """Every response in the bytes (all of them carry a Content-Length)."""
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        length = int(headers["content-length"])
        found.append((int(lines[0].split()[1]), headers, rest[:length]))
        raw = rest[length:]
    return found


def only(raw: bytes) -> tuple[int, dict[str, str], Any]:
    found = responses(raw)
    assert len(found) == 1, raw
    status, headers, body = found[0]
    return status, headers, json.loads(body)


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", *headers, "", ""]).encode("latin-1")
