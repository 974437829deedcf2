"""The receiving half of the authenticated transport: what becomes of connections and frames that come in.

A stranger (a connection that has brought nothing new yet) has little time to show an authentic header, and there are
never more than a few: the oldest go first. Neither silence nor a captured frame earns a long stay.
"""

import errno
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from thespian.actors import ActorAddress
from thespian.system.transport import ReceiveEnvelope
from thespian.system.transport import TCPTransport as tcp  # noqa: N813

from actors.refusals import report_refusal
from actors.wire_buffers import FrameBuffer
from actors.wire_codec import FrameCodec, FrameRefused, Header, Refusal
from actors.wire_replay import ReplayWindow, Verdict

# A sender connects to send: its header comes at once.
STRANGER_DEADLINE = timedelta(seconds=3)
# For the rest of a frame with an authentic header; its sender gives up earlier (tuning.TRANSMIT_TIMEOUT).
FRAME_DEADLINE = timedelta(seconds=30)
# Twice what Thespian's senders keep an idle connection: the sender closes, never the receiver under its feet.
IDLE_PERIOD = 2 * tcp.MAX_IDLE_SOCKET_PERIOD
MAX_STRANGERS = 64
# No descriptor (of this process, of the host) or no memory for a socket: over when somebody gives some back.
EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
# A connection that cannot be accepted stays readable: without a pause the loop would take a whole core.
EXHAUSTED_PAUSE_S = 0.05
_NOTHING = timedelta(0)
MAX_READ_BYTES = 1 << 20


class SecureIncoming(tcp.TCPIncomingPersistent):
    """A connection on which frames come in, one after the other. `known`: it has brought a new frame before."""

    _rData: FrameBuffer  # noqa: N815

    def __init__(
        self, peer: ActorAddress, connection: Any, begun: Any = None, *, known: bool = False
    ) -> None:
        super().__init__(peer, connection, begun)
        self.known = known
        self._ends_s = 0.0
        self._allow(IDLE_PERIOD if known else STRANGER_DEADLINE)

    @property
    def header(self) -> Header | None:
        """The authentic header of the frame that is coming in, None until it is there."""
        return self._rData.header

    def addData(self, data: bytes) -> None:
        before = self.header
        super().addData(data)
        if before is None and self.header is not None and not self.known:
            self._allow(FRAME_DEADLINE)

    def _allow(self, period: timedelta) -> None:
        self._ends_s = time.monotonic() + period.total_seconds()

    def delay(self, current_time: Any = None) -> timedelta:
        """What is left of its time. Thespian asks each connection several times a round: its own takes five calls."""
        left_s = self._ends_s - time.monotonic()
        return timedelta(seconds=left_s) if left_s > 0 else _NOTHING


class ReceivingTransport(tcp.TCPTransport):
    """Thespian's transport, with a receiving half that takes each authentic frame once."""

    codec: FrameCodec
    window: ReplayWindow

    def new_socket(self, op: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        try:
            return super().new_socket(op, *args, **kw)
        except OSError as error:
            if error.errno in EXHAUSTED and op == self.socket.accept:
                time.sleep(EXHAUSTED_PAUSE_S)
            raise

    def _acceptNewIncoming(self) -> None:
        super()._acceptNewIncoming()
        # A failed accept leaves an UpdateWork here; handlers would take it for an envelope and die.
        self._incomingEnvelopes = [
            each for each in self._incomingEnvelopes if isinstance(each, ReceiveEnvelope)
        ]
        strangers = [
            (fd, each.header is None) for fd, each in self._incomingSockets.items() if not each.known
        ]
        # Those in the middle of an authentic frame give way to their like only.
        for silent in (True, False):
            for descriptor in [fd for fd, each in strangers if each is silent][:-MAX_STRANGERS]:
                self._incomingSockets.pop(descriptor).close()

    def _handlePossibleIncoming(
        self,
        incoming: SecureIncoming,
        fileno: int,
        closed: bool = False,
        has_exclusive_flag: bool = False,
    ) -> SecureIncoming | None:
        """The connection if it is to be watched on; `fileno`: the one that is readable, -1 none."""
        connection = incoming.socket
        readable = connection is not None and connection.fileno() == fileno
        # What has come is read even when the time is over: it may be this process that was late.
        if closed or connection is None or not (readable or incoming.delay()):
            incoming.close()
            return None
        if not readable:
            return incoming
        return self._handleReadableIncoming(incoming, has_exclusive_flag=has_exclusive_flag)

    def _handleReadableIncoming(
        self, inc: SecureIncoming, has_exclusive_flag: bool = False
    ) -> SecureIncoming | None:
        """Read as much of the frame as has come; None when the connection needs no more watching."""
        try:
            while not inc.receivedAllData():
                data = inc.socket.recv(min(MAX_READ_BYTES, inc.remainingSize()))
                if not data:
                    inc.close()
                    return None
                before = inc.header
                inc.addData(data)
                if before is None and inc.header is not None and not inc.receivedAllData():
                    # Nothing of a payload is read for long that won't be delivered to this receiver.
                    self.window.judge(inc.header.stamp, time.monotonic_ns())
            self._addedDataToIncoming(inc, has_exclusive_flag=has_exclusive_flag)
            return None
        except BlockingIOError:
            if not inc.receivedAllData():
                return inc
        except FrameRefused as refused:
            report_refusal(inc.socket, refused)
        except OSError:
            pass  # the peer is gone; it sends the message again
        inc.close()
        return None

    def _addedDataToIncoming(
        self,
        inc: SecureIncoming,
        skipFinish: bool = False,  # noqa: N803
        has_exclusive_flag: bool = False,
    ) -> SecureIncoming | None:
        """A whole frame: deliver it, unless it was delivered before; either way its sender gets the receipt."""
        header = inc.header
        if header is None or not inc.receivedAllData():
            return inc
        now_ns = time.monotonic_ns()
        if self.window.judge(header.stamp, now_ns) is Verdict.REPEATED:
            report_refusal(inc.socket, FrameRefused(Refusal.REPEATED))
            self._answer(inc, header, delivered=True)
            self._await_next(inc, inc.fromAddress, known=inc.known)
            return None
        try:
            sender, message = _opened(inc)
        except FrameRefused:
            self._answer(inc, header, delivered=False)
            raise
        self.window.delivered(header.stamp, now_ns)
        self._answer(inc, header, delivered=True)
        self._processReceivedEnvelope(ReceiveEnvelope(sender, message), has_exclusive_flag=has_exclusive_flag)
        self._await_next(inc, sender, known=True)
        return None

    def _answer(self, inc: SecureIncoming, header: Header, *, delivered: bool) -> None:
        try:
            inc.socket.send(self.codec.receipt(header.tag, delivered))
        except OSError:
            inc.close()  # the sender repeats the frame on another connection and gets its receipt there

    def _await_next(self, inc: SecureIncoming, sender: ActorAddress, *, known: bool) -> None:
        # Thespian would send its own messages on this connection too. Both ends may then send or close at the same
        # moment, and the message waits for a retry or its timeout (seen at 4,000/s). One direction, one connection.
        connection = inc.socket
        if connection is not None:
            self._incomingSockets[connection.fileno()] = SecureIncoming(sender, connection, known=known)


def _opened(inc: SecureIncoming) -> tuple[ActorAddress, Any]:
    value, _ = inc.data
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], ActorAddress):
        return value
    raise FrameRefused(Refusal.MALFORMED, "no pair of sender and message")
