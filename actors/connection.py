"""One open WebSocket, from the upgrade to the closed file descriptor. Never blocks, but for `send`.

                      close()                       peer's Close, EOF, error or deadline
    open -------------------------------> closing ---------------------------------------> ended
      | peer's Close, violation             ^
      +-- one Close frame, short linger ----+
      | EOF, error, dead peer: no Close frame could arrive --------------------------------> ended

The linger lets the peer read our Close before the reset that closing with unread bytes would cause.
"""

import math
import socket
import ssl
from dataclasses import dataclass

from actors.dialling import Dialled
from actors.frames import (
    FrameEvent,
    FrameReader,
    Message,
    Opcode,
    PeerClose,
    Ping,
    Violation,
    close_payload,
)
from actors.sending import RETRY_S, Framer, Outgoing
from actors.socket_failures import close_socket, socket_failure
from core.config import TransportSettings
from core.failures import Failure, FailureKind

MAX_FRAMES = 64
MAX_READS = 16
READ_BYTES = 65_536
LINGER_S = 0.5
# A dead peer is found before interval + timeout (fault row 3 of docs/reliability.md), not just after.
PING_EARLY = 0.95
_BLOCKED = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_PING_PAYLOAD = b"sambung"


@dataclass(frozen=True, slots=True)
class Ending:
    """How the connection ended; the descriptor is closed. `code`: of the Close frame that ended it, if any."""

    failure: Failure
    code: int | None
    reason: str


class Connection:
    """Owned by one Transport. `more`: call `advance` again at once. `reading`: False holds messages back."""

    def __init__(
        self,
        dialled: Dialled,
        settings: TransportSettings,
        ping_interval_s: float | None,
        frame: Framer,
        now_s: float,
    ) -> None:
        self.ended: Ending | None = None
        self.more = True
        self.reading = True
        self.last_frame_s: float | None = None
        self._sock: socket.socket = dialled.sock
        self._settings = settings
        self._reader = FrameReader(settings.max_message_bytes)
        self._reader.feed(dialled.leftover)
        self._outgoing = Outgoing(dialled.sock, settings.send_timeout_s, frame)
        self._ping_interval_s = math.inf if ping_interval_s is None else ping_interval_s * PING_EARLY
        self._ping_at_s = now_s + self._ping_interval_s
        self._dead_at_s = math.inf
        self._close_by_s = math.inf
        self._retry_at_s = math.inf
        self._held: FrameEvent | None = None  # an end that waits until the messages before it are answered
        self._failure: Failure | None = None
        self._last = PeerClose(None, "")  # the Close frame that ends the connection

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def closing(self) -> bool:
        return self._close_by_s != math.inf

    @property
    def deadline_s(self) -> float | None:
        """When `advance` must be called at the latest."""
        open_s = math.inf if self.closing else min(self._ping_at_s, self._dead_at_s)
        soonest_s = min(open_s, self._close_by_s, self._retry_at_s)
        return None if soonest_s == math.inf else soonest_s

    def advance(self, now_s: float) -> list[bytes | str]:
        """Reads what is there, at most 64 frames, and keeps every deadline. Gives the whole messages."""
        messages: list[bytes | str] = []
        # Reading comes first: after a pause of this process the answer may be waiting in the kernel.
        if self.reading or self.closing:
            self._read(messages, now_s)
        else:
            self._dead_at_s = math.inf
        self._flush(now_s)
        self._keep_deadlines(now_s)
        return messages

    def send(self, opcode: Opcode, payload: bytes) -> Failure | None:
        """Sends a message; a failure has ended the connection."""
        failure = self._outgoing.send(opcode, payload)
        if failure is not None:
            self._end(failure)
        return failure

    def close(self, code: int, reason: str, now_s: float) -> None:
        """Starts the closing handshake, unless one is running."""
        if not self.closing:
            self._send_close(close_payload(code, reason), self._settings.close_timeout_s, now_s)

    def abort(self) -> None:
        """Closes the descriptor now, without a Close frame."""
        self._end(Failure(FailureKind.NETWORK, "the connection was given up"))

    def _read(self, messages: list[bytes | str], now_s: float) -> None:
        self.more = True
        frames = reads = 0
        while frames < MAX_FRAMES and self.ended is None:
            event, self._held = self._held or self._reader.take(), None
            if isinstance(event, PeerClose | Violation) and messages:
                self._held = event
                break
            if event is not None:
                frames += 1
                self._on_frame(event, messages, now_s)
            elif reads == MAX_READS or not self._receive(now_s):
                break
            else:
                reads += 1

    def _receive(self, now_s: float) -> bool:
        """One read from the socket into the frame reader; False when there was nothing."""
        try:
            data = self._sock.recv(READ_BYTES)
        except _BLOCKED:
            self.more = False
            return False
        except OSError as error:
            self._end(socket_failure(error, "receiving"))
            return False
        if not data:
            self._end(Failure(FailureKind.NETWORK, "the connection ended without a Close frame"))
            return False
        # Any byte is a sign of life: one large frame on a slow line leaves no room for a pong.
        self._dead_at_s = math.inf
        self._reader.feed(data)
        return True

    def _on_frame(self, event: FrameEvent, messages: list[bytes | str], now_s: float) -> None:
        if not isinstance(event, Violation):
            self.last_frame_s = now_s
        match event:
            case Message() if not self.closing:
                messages.append(event.data)
            case Ping() if not self.closing:
                self._offer(Opcode.PONG, event.data, now_s)
            case PeerClose():
                self._on_peer_close(event, now_s)
            case Violation():
                self._on_violation(event, now_s)
            case _:
                pass

    def _on_peer_close(self, event: PeerClose, now_s: float) -> None:
        self._last = event
        if not self.closing:
            shown = "".join(char if char.isprintable() else "?" for char in event.reason)
            what = ": ".join(part for part in (str(event.code or "no code"), shown) if part)
            self._failure = Failure(FailureKind.UPSTREAM, f"the server closed the connection ({what})")
            self._send_close(close_payload(event.code), LINGER_S, now_s)
        self._close_by_s = min(self._close_by_s, now_s + LINGER_S)

    def _on_violation(self, event: Violation, now_s: float) -> None:
        failure = Failure(FailureKind.PROTOCOL, f"the server broke the protocol: {event.text}")
        if self.closing:
            self._end(failure)
            return
        self._failure, self._last = failure, PeerClose(event.code, event.text)
        self._send_close(close_payload(event.code, event.text), LINGER_S, now_s)

    def _send_close(self, payload: bytes, wait_s: float, now_s: float) -> None:
        """The one Close frame of this connection; from here on data is discarded."""
        self._close_by_s = now_s + min(wait_s, self._settings.close_timeout_s)
        self._offer(Opcode.CLOSE, payload, now_s)

    def _offer(self, opcode: Opcode, payload: bytes, now_s: float) -> None:
        if self.ended is None:
            self._end_on(self._outgoing.offer(opcode, payload, now_s))

    def _flush(self, now_s: float) -> None:
        if self.ended is None and self._outgoing.waiting:
            self._end_on(self._outgoing.flush(now_s))
        still_waiting = self.ended is None and self._outgoing.waiting
        self._retry_at_s = now_s + RETRY_S if still_waiting else math.inf

    def _keep_deadlines(self, now_s: float) -> None:
        if self.ended is not None:
            return
        if self.closing:
            if now_s >= self._close_by_s:
                self._end(Failure(FailureKind.TIMEOUT, "the peer did not close in time"))
        elif now_s >= self._dead_at_s:
            limit_s = self._settings.ping_timeout_s
            self._end(Failure(FailureKind.TIMEOUT, f"no answer to a ping for {limit_s:g} s"))
        elif now_s >= self._ping_at_s:
            self._ping_at_s = now_s + self._ping_interval_s
            self._offer(Opcode.PING, _PING_PAYLOAD, now_s)
            if self.reading:
                self._dead_at_s = min(self._dead_at_s, now_s + self._settings.ping_timeout_s)

    def _end_on(self, failure: Failure | None) -> None:
        if failure is not None:
            self._end(failure)

    def _end(self, failure: Failure) -> None:
        """Closes the descriptor. The first cause wins: a peer's Close or a violation over the EOF behind it."""
        if self.ended is None:
            self.ended = Ending(self._failure or failure, self._last.code, self._last.reason)
            self.more = False
            close_socket(self._sock)
