"""The faults of open connections, acted out."""

from typing import TYPE_CHECKING

from simulator.behaviour import encoded
from simulator.faults import (
    Close,
    Drop,
    Fault,
    HalfClose,
    LoginReject,
    Malformed,
    Oversized,
    Refuse,
    Reset,
    Silent,
)
from simulator.malformed import CONTINUATION, VARIANTS, declared_header, frame

if TYPE_CHECKING:
    from simulator.connection import Connection

CHUNK_BYTES = 64 * 1024


def act(connection: "Connection", fault: Fault) -> None:
    """Begin `fault` on an open connection; faults of the opening handshake and `none` ask for nothing here."""
    match fault:
        case Refuse(drop_open=True):
            connection.abort()
        case Drop():
            connection.later(fault.after_s, connection.abort)
        case Reset():
            connection.later(fault.after_s, connection.reset)
        case HalfClose():
            connection.later(fault.after_s, connection.half_close)
        case Silent():
            connection.later(fault.after_s, lambda: connection.hush(fault.reading))
        case Close():
            connection.later(fault.after_s, lambda: connection.close(fault.code, fault.reason))
        case LoginReject():
            connection.later(fault.after_s, lambda: _reject_login(connection, fault))
        case Malformed():
            connection.later(fault.after_s, lambda: connection.write(VARIANTS[fault.variant].sent))
        case Oversized():
            connection.later(fault.after_s, lambda: _send_oversized(connection, fault))
        case _:
            pass


def _reject_login(connection: "Connection", fault: LoginReject) -> None:
    connection.send(encoded(fault.message).encode(), text=True)
    connection.close(fault.code, fault.reason)


def _send_oversized(connection: "Connection", fault: Oversized) -> None:
    if fault.variant == "declared":
        connection.write(declared_header(fault.total_bytes))
        flood(connection, b"x" * CHUNK_BYTES, fault.total_bytes)
    else:
        payload = b"x" * CHUNK_BYTES
        connection.write(frame(0x02, payload))
        flood(connection, frame(CONTINUATION, payload), fault.total_bytes)


def flood(connection: "Connection", chunk: bytes, total_bytes: int) -> None:
    """Write `chunk` again and again, as fast as the client reads, until `total_bytes` are sent.

    One chunk per turn of the loop, so that a fast reader does not starve the other connections.
    """
    left_bytes = total_bytes

    def pump() -> None:
        nonlocal left_bytes
        if connection.on_writable is not pump or left_bytes <= 0 or connection.finished:
            return
        connection.write(chunk[:left_bytes])
        left_bytes -= len(chunk)
        if connection.writable:
            connection.loop.call_soon(pump)

    connection.on_writable = pump
    pump()
