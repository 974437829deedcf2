"""The TCP side of a connection: writing, falling silent, and the many ways to end."""

import asyncio
import socket
import struct
from collections.abc import Callable

from simulator.account import Account, SocketEntry
from simulator.hangup import HangupWatch

# A client that does not answer our Close frame, or our EOF, is cut off after this time.
CLOSING_S = 10.0
WRITE_HIGH_BYTES = 256 * 1024


class Wire(asyncio.Protocol):
    """Owns the transport and the timers of the fault in force.

    `mute`: nothing is sent. `finished`: our EOF was sent, or TCP is gone. `entry` is set once dialled,
    `account` once the instance is known.
    """

    transport: asyncio.Transport
    entry: SocketEntry
    fd: int

    def __init__(self, hangups: HangupWatch, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.account: Account | None = None
        self.mute = False
        self.finished = False
        self.writable = True
        self.on_writable: Callable[[], None] | None = None
        self._hangups = hangups
        self._timers: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.fd = transport.get_extra_info("socket").fileno()
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.finished = True
        self.cancel_timers()
        self._hangups.forget(self.fd)

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        if self.on_writable is not None:
            self.on_writable()

    def later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do `action` after `delay_s` unless the fault changes or the connection ends first."""
        if delay_s <= 0:
            action()
        else:
            self._timers.append(self.loop.call_later(delay_s, action))

    def cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self.on_writable = None

    def write(self, data: bytes) -> None:
        """Raw bytes, unless muted or past our EOF."""
        if self.mute or self.finished or self.transport.is_closing():
            return
        if self.account is not None:
            self.account.tally.bytes_out += len(data)
        self.transport.write(data)

    def hush(self, reading: bool) -> None:
        """Send nothing, and unless `reading` read nothing, until `speak`."""
        self.mute = True
        if not reading:
            self.transport.pause_reading()
            self._hangups.watch(self.fd, self.transport.abort)

    def speak(self) -> None:
        self.mute = False
        self._hangups.forget(self.fd)
        self.transport.resume_reading()

    def finish(self) -> None:
        """EOF, then wait for the client's. TLS has no half-close: there it ends at once."""
        if self.finished:
            return
        self.finished = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
        self.cut_later()

    def cut_later(self) -> None:
        """Abort after CLOSING_S, whatever fault comes; asyncio's abort is harmless after the end."""
        self.loop.call_later(CLOSING_S, self.transport.abort)

    def abort(self) -> None:
        """End TCP now, without a Close frame."""
        self.ended_here()
        self.transport.abort()

    def reset(self) -> None:
        """RST instead of FIN (SO_LINGER with 0 s)."""
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.abort()

    def half_close(self) -> None:
        """EOF towards the client; what it sends is still read."""
        self.ended_here()
        self.finished = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.get_extra_info("socket").shutdown(socket.SHUT_WR)

    def ended_here(self) -> None:
        """Book that the simulator, not the client, began the end."""
        self.entry.ended_by = self.entry.ended_by or "simulator"
