"""Frames as only a holder of the wire key can make them, and connections that send bytes and listen."""

import secrets
import socket
import time
from dataclasses import replace

from actors.process import boot_id
from actors.wire import destination
from actors.wire_codec import FrameCodec, Stamp

LIMIT_BYTES = 1 << 24


class Forger:
    """A sender of its own stream, with the key of a running system (or another)."""

    def __init__(self, key: bytes) -> None:
        self.codec = FrameCodec(key, LIMIT_BYTES, boot_id().encode())
        self._stream, self._counter = secrets.token_bytes(8), 0

    def stamp(self, port: int) -> Stamp:
        self._counter += 1
        return Stamp(destination(("127.0.0.1", port)), self._stream, self._counter, time.monotonic_ns())

    def frame(self, port: int, payload: bytes, later_ns: int = 0) -> bytes:
        """A frame for that port, as if sealed `later_ns` from now."""
        stamp = self.stamp(port)
        return self.codec.seal(payload, replace(stamp, sent_ns=stamp.sent_ns + later_ns))


def exchanged(port: int, data: bytes, answer_bytes: int = 1 << 30) -> bytes:
    """Send bytes and read until the connection is closed or so much has come; what came back."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        try:
            connection.sendall(data)
            while len(answer) < answer_bytes and (part := connection.recv(65536)):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            pass
    return answer
