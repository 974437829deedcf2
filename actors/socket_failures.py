"""What an error of a socket means for the link, and the one way sockets are closed."""

import contextlib
import os
import socket
import ssl

from core.failures import Failure, FailureKind


def socket_failure(error: OSError, doing: str) -> Failure:
    """The failure behind an OSError. `doing`: what was tried, for the text ("connecting to a:1", "sending")."""
    match error:
        case ssl.SSLCertVerificationError():
            return Failure(FailureKind.PROTOCOL, f"{doing}: certificate refused: {_verdict(error)}")
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Failure(FailureKind.NETWORK, f"{doing}: the connection ended")
        case ssl.SSLError():
            # Errors that Python itself raises come without a reason.
            reason = (getattr(error, "reason", None) or "broken").replace("_", " ").lower()
            return Failure(FailureKind.PROTOCOL, f"{doing}: TLS failed: {reason}")
        case TimeoutError():
            return Failure(FailureKind.TIMEOUT, f"{doing}: timed out")
        case _:
            text = os.strerror(error.errno) if error.errno and error.errno > 0 else "failed"
            return Failure(FailureKind.NETWORK, f"{doing}: {text}")


def _verdict(error: ssl.SSLCertVerificationError) -> str:
    return str(getattr(error, "verify_message", "not verified"))


def shut_down(sock: socket.socket) -> None:
    """Ends the connection without freeing its number; wakes a thread that waits on it.

    The base class's method, because an SSLSocket's own would take its TLS state away under that thread.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def close_socket(sock: socket.socket) -> None:
    """Ends the connection and frees its number, whatever state it is in."""
    try:
        shut_down(sock)
    finally:
        with contextlib.suppress(OSError):
            sock.close()
