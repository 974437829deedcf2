"""The sending half of one open WebSocket: whole messages wait for room, control frames never do.

A frame that left half is completed before any other byte, so the stream stays whole. While one waits, pings are
skipped and only the newest pong is kept (RFC 6455 §5.5.3 allows both), so a flood of pings costs no memory.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable

from actors.frames import Opcode
from actors.socket_failures import socket_failure
from core.failures import Failure, FailureKind

RETRY_S = 0.05
Framer = Callable[[int, bytes], bytes]  # (opcode, payload) → the masked frame
_SENDING = "sending"


class Outgoing:
    """`timeout_s`: longest time that bytes may wait for room; longer means that the stream is broken."""

    def __init__(self, sock: socket.socket, timeout_s: float, frame: Framer) -> None:
        self._sock = sock
        self._timeout_s = timeout_s
        self._frame = frame
        self._unsent = bytearray()
        self._unsent_since_s: float | None = None
        self._pong: bytes | None = None
        self._room = select.POLLOUT  # what the socket waits for before more can be written

    def send(self, opcode: Opcode, payload: bytes) -> Failure | None:
        """Sends one whole frame; blocks at most `timeout_s`. After a failure the stream is useless."""
        deadline_s = time.monotonic() + self._timeout_s
        self._unsent += self._frame(opcode, payload)
        while (failure := self._push()) is None and self._unsent:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return self._too_slow()
            poll = select.poll()
            poll.register(self._sock, self._room)
            poll.poll(left_s * 1000)
        self._unsent_since_s = None
        return failure

    def offer(self, opcode: Opcode, payload: bytes, now_s: float) -> Failure | None:
        """Sends a control frame without waiting; what finds no room is sent by `flush`."""
        if self._unsent and opcode == Opcode.PING:
            return None
        if self._unsent and opcode == Opcode.PONG:
            self._pong = payload
            return None
        if opcode == Opcode.CLOSE:
            self._pong = None
        self._unsent += self._frame(opcode, payload)
        return self.flush(now_s)

    def flush(self, now_s: float) -> Failure | None:
        """Sends what waits, as far as there is room; TIMEOUT when it has waited too long."""
        failure = self._push()
        if failure is None and not self._unsent and self._pong is not None:
            pong, self._pong = self._pong, None
            self._unsent += self._frame(Opcode.PONG, pong)
            failure = self._push()
        if failure is not None or not self._unsent:
            self._unsent_since_s = None
            return failure
        if self._unsent_since_s is None:
            self._unsent_since_s = now_s
        return self._too_slow() if now_s - self._unsent_since_s >= self._timeout_s else None

    @property
    def waiting(self) -> bool:
        """Something waits for room: `flush` again within RETRY_S."""
        return bool(self._unsent)

    def _push(self) -> Failure | None:
        while self._unsent:
            try:
                sent = self._sock.send(self._unsent)
            except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError):
                self._room = select.POLLOUT
                return None
            except ssl.SSLWantReadError:
                self._room = select.POLLIN
                return None
            except OSError as error:
                return socket_failure(error, _SENDING)
            del self._unsent[:sent]
        return None

    def _too_slow(self) -> Failure:
        return Failure(FailureKind.TIMEOUT, f"{_SENDING}: the peer took nothing for {self._timeout_s:g} s")
