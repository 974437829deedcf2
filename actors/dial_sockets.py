"""A socket of a dial: every operation ends by the deadline of the whole dial, whatever the peer does."""

import socket
import time

from actors.dialling import Attempt, DialFailed
from actors.upgrade import Head, parse_head, split_head
from core.failures import Failure, FailureKind

READ_BYTES = 4096


class DeadlineSocket:
    """A blocking socket whose every operation ends by `deadline_s` (monotonic), whatever the peer does."""

    def __init__(self, attempt: Attempt, sock: socket.socket, deadline_s: float, max_head_bytes: int) -> None:
        self._attempt = attempt
        self._sock = sock
        self._deadline_s = deadline_s
        self._max_head_bytes = max_head_bytes
        self.received = b""

    def arm(self) -> None:
        """Gives the socket what is left of the deadline; raises DialFailed when nothing is, or when cancelled."""
        self._sock.settimeout(remaining_s(self._attempt, self._deadline_s))

    def send_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self.arm()
            view = view[self._sock.send(view) :]

    def read_exactly(self, count: int) -> bytes:
        """The next `count` bytes; what came behind them stays in `received`."""
        while len(self.received) < count:
            self._receive()
        data, self.received = self.received[:count], self.received[count:]
        return data

    def read_head(self) -> Head:
        """The next response head; what came behind it stays in `received`."""
        while (split := split_head(self.received)) is None and len(self.received) <= self._max_head_bytes:
            self._receive()
        if split is None or len(split[0]) > self._max_head_bytes:
            text = f"the response header is larger than {self._max_head_bytes} bytes"
            raise DialFailed(Failure(FailureKind.PROTOCOL, text))
        raw, self.received = split
        head = parse_head(raw)
        if isinstance(head, Failure):
            raise DialFailed(head)
        return head

    def _receive(self) -> None:
        self.arm()
        data = self._sock.recv(READ_BYTES)
        if not data:
            raise DialFailed(Failure(FailureKind.NETWORK, f"{self._attempt.doing}: the connection ended"))
        self.received += data


def remaining_s(attempt: Attempt, deadline_s: float) -> float:
    """Seconds left, > 0; TimeoutError when none is, DialFailed when the attempt was cancelled."""
    attempt.raise_if_cancelled()
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
