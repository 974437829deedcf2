"""One attempt to connect: a daemon thread that owns a socket until it hands it over, and can be cancelled any time.

    Attempt.start -> thread: stages (dial_stages) -> outcome -> one byte on the ear -> take
    Attempt.cancel -> the socket is shut down at once and closed by its thread; no socket can appear afterwards

The thread touches nothing but its Attempt. Lock order: there is one lock, held for moments, never while waiting.
"""

import contextlib
import errno
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext

from actors.socket_failures import close_socket, shut_down
from core.failures import Failure, FailureKind


@dataclass(frozen=True, slots=True)
class Dialled:
    """A WebSocket that is open. `sock`: non-blocking; `leftover`: bytes that came behind the response head."""

    sock: socket.socket = field(repr=False)
    leftover: bytes = field(repr=False)
    subprotocol: str | None


class DialFailed(Exception):
    """Ends the stages of a dial; becomes the attempt's outcome, never leaves the thread."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


Stages = Callable[["Attempt"], Dialled]
CANCELLED = Failure(FailureKind.NETWORK, "the attempt was cancelled")


class Attempt:
    """One dial. The owner calls start, cancel, settled, take, fileno and dispose; the stages call the rest.

    `doing`: what the thread is at, for the text of a timeout; `looking_up`: it waits for the resolver.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.doing = "starting"
        self.looking_up = False
        self._lock = threading.Lock()
        self._cancelled = False
        self._sock: socket.socket | None = None
        self._outcome: Dialled | Failure | None = None
        self._ear, self._bell = socket.socketpair()

    def start(self, stages: Stages) -> None:
        """Starts the thread; raises RuntimeError when the system has none left (dispose then)."""
        thread = threading.Thread(target=self._run, args=(stages,), name=f"dial-{self.epoch}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            self._bell.close()
            raise

    def fileno(self) -> int:
        """What becomes readable when the thread is done; -1 once disposed."""
        return self._ear.fileno()

    @property
    def done(self) -> bool:
        """The thread has finished with its socket; it does nothing more."""
        with self._lock:
            return self._outcome is not None

    @property
    def settled(self) -> bool:
        """No socket of this attempt is open, nor ever will be, but one handed over by `take`."""
        with self._lock:
            return self._outcome is not None or (self._cancelled and self._sock is None)

    def cancel(self) -> None:
        """Ends the attempt: shuts its socket down, so that its thread wakes and closes it."""
        with self._lock:
            self._cancelled = True
            if isinstance(self._outcome, Dialled):
                close_socket(self._outcome.sock)
                self._outcome = CANCELLED
            elif self._sock is not None:
                shut_down(self._sock)

    def take(self) -> Dialled | Failure:
        """The outcome of a done attempt; a Dialled socket belongs to the caller from here on."""
        with self._lock:
            outcome, self._outcome = self._outcome, CANCELLED
        assert outcome is not None, "take() before done"
        return outcome

    def dispose(self) -> None:
        """Frees the ear. The thread, if it still runs, rings into nothing."""
        self._ear.close()

    def raise_if_cancelled(self) -> None:
        """Ends the stages of a cancelled attempt (DialFailed)."""
        if self._cancelled:
            raise DialFailed(CANCELLED)

    def begin_connect(self, sock: socket.socket, address: tuple[object, ...]) -> int:
        """Adopts a non-blocking socket and starts its connect; gives its errno. Raises DialFailed when cancelled.

        Under the lock: a cancel comes before the connect (then there is none) or finds the socket to shut down.
        """
        with self._lock:
            if self._cancelled:
                sock.close()
            self.raise_if_cancelled()
            self._sock = sock
            return sock.connect_ex(address)

    def drop_socket(self) -> None:
        """Closes the adopted socket, if any: this address did not answer."""
        with self._lock:
            if self._sock is not None:
                close_socket(self._sock)
            self._sock = None

    def wrap_tls(self, context: SSLContext, host: str) -> socket.socket:
        """The adopted socket under TLS, before its handshake. The cancelling side sees the new object at once."""
        with self._lock:
            if self._cancelled or self._sock is None:
                raise DialFailed(CANCELLED)
            plain, self._sock = self._sock, None
            self._sock = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
            return self._sock

    def _run(self, stages: Stages) -> None:
        outcome: Dialled | Failure
        try:
            outcome = stages(self)
        except DialFailed as failed:
            outcome = failed.failure
        except Exception as error:
            # The text of an unforeseen error may quote a header or the URL.
            outcome = Failure(FailureKind.BUG, f"dialling failed with {type(error).__name__}")
        self._finish(outcome)

    def _finish(self, outcome: Dialled | Failure) -> None:
        with self._lock:
            if self._cancelled or isinstance(outcome, Failure):
                if self._sock is not None:
                    close_socket(self._sock)
                outcome = CANCELLED if isinstance(outcome, Dialled) else outcome
            self._sock = None
            self._outcome = outcome
        with contextlib.suppress(OSError):
            self._bell.send(b"!")
        self._bell.close()


def connect_in_progress(code: int) -> bool:
    return code in (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR)
