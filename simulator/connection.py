"""One connection of a listener: the opening handshake, frames, and the fault in force.

Handshake and framing are the library's sans-I/O `ServerProtocol` over an asyncio transport of our own, so that a
fault can do to TCP what no server class would. `opening` answers the request, `acting` acts the faults out,
`conversation` answers messages.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from simulator import acting, conversation, opening
from simulator.account import Account, SocketEntry
from simulator.behaviour import Behaviour, encoded
from simulator.faults import Fault, Healthy, NoCloseReply
from simulator.hangup import HangupWatch, hung_up
from simulator.wire import Wire

# Beyond this the client is too slow: pushed events are skipped instead of piling up here.
UNSENT_BYTES = 1024 * 1024
QUIET = logging.getLogger("simulator.websocket")
QUIET.disabled = True


class Host(Protocol):
    """What a connection needs of its listener."""

    behaviour: Behaviour
    hangups: HangupWatch

    @property
    def max_message_bytes(self) -> int: ...
    def dialled(self, connection: "Connection") -> SocketEntry: ...
    def identified(self, connection: "Connection", instance: str) -> Account | None: ...
    def fault_for(self, instance: str | None) -> Fault: ...
    def lost(self, connection: "Connection") -> None: ...


class Connection(Wire):
    """Belongs to its listener from `dialled` to `lost`."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(host.hangups, loop)
        self.host = host
        self.fault: Fault = Healthy()
        self.ws = ServerProtocol(
            max_size=host.max_message_bytes,
            select_subprotocol=_first_choice if host.behaviour.subprotocols else None,
            logger=QUIET,
        )
        self._close_swallowed = False
        self._parts: list[bytes] = []
        self._text = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.entry = self.host.dialled(self)
        opening.meet(self)

    def data_received(self, data: bytes) -> None:
        if self.account is not None:
            self.account.tally.bytes_in += len(data)
        self.ws.receive_data(data)
        for event in self.ws.events_received():
            if isinstance(event, Request):
                opening.answer(self, event)
            elif isinstance(event, Frame):
                self._on_frame(event)
        self._note_violation()
        self.flush()

    def eof_received(self) -> None:
        self.ws.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._book_end(time.time())
        self.host.lost(self)

    def succeeded(self, dialled_at: float) -> None:
        """The same instance dialled again: book the end of this socket first when its peer has hung up.

        On a busy machine the hang-up and the next dial are found in one turn of the loop, in either order.
        """
        if hung_up(self.fd):
            self._book_end(dialled_at)

    def _book_end(self, now_s: float) -> None:
        if self.account is not None and self.entry.closed_at is None:
            self.entry.ended_by = self.entry.ended_by or "client"
            self.account.gone(self.entry, now_s)

    @property
    def is_open(self) -> bool:
        """Accepted, and neither side has begun to end it."""
        return self.entry.opened_at is not None and self.ws.state is OPEN and not self.finished

    @property
    def can_push(self) -> bool:
        """A session that takes events now."""
        return (
            self.is_open
            and not self.mute
            and self.entry.session_at is not None
            and self.transport.get_write_buffer_size() < UNSENT_BYTES
        )

    def opened(self) -> None:
        """The handshake was accepted: let the fault in force begin, then greet."""
        assert self.account is not None
        now_s = time.time()
        self.account.accepted(self.entry, now_s)
        if not self.host.behaviour.login_required:
            self.account.logged_in(self.entry, now_s)
        self.flush()
        self.meet_fault(self.host.fault_for(self.account.instance))
        for message in self.host.behaviour.hello:
            self.send(encoded(message).encode(), text=True)

    def meet_fault(self, fault: Fault) -> None:
        """Let go of the fault before and act out this one, if the connection is open."""
        self.fault = fault
        if self.entry.opened_at is None or self.finished:
            return
        self.cancel_timers()
        self.speak()
        self.mute = self._close_swallowed
        acting.act(self, fault)

    def send(self, data: bytes, text: bool) -> bool:
        """Send one message; False when the connection cannot send now."""
        if not self.is_open or self.mute:
            return False
        if text:
            self.ws.send_text(data)
        else:
            self.ws.send_binary(data)
        self.flush()
        return True

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        if self.is_open:
            self.ended_here()
            self.ws.send_close(code, reason)
            self.flush()
            self.cut_later()

    def flush(self) -> None:
        """Send what the protocol has to send; its empty bytes mean EOF."""
        for data in self.ws.data_to_send():
            if data:
                self.write(data)
            elif not self.mute:
                self.finish()

    def _on_frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self._on_data(frame)
            case Opcode.PING:
                assert self.account is not None
                self.account.tally.pings += 1
            case Opcode.CLOSE:
                self._on_close()
            case Opcode.PONG:
                pass

    def _on_data(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if frame.fin:
            data = b"".join(self._parts)
            self._parts.clear()
            conversation.received(self, data, self._text)

    def _on_close(self) -> None:
        closed = self.ws.close_rcvd
        assert closed is not None
        self.entry.close_code, self.entry.close_reason = closed.code, closed.reason
        self.entry.ended_by = self.entry.ended_by or "client"
        if isinstance(self.fault, NoCloseReply):
            self._close_swallowed = self.mute = True

    def _note_violation(self) -> None:
        broken = self.ws.parser_exc
        if broken is not None and self.account is not None and self.entry.violation is None:
            self.entry.violation = str(broken)
            self.account.tally.violations += 1


def _first_choice(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    del protocol
    return offered[0] if offered else None
