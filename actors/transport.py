"""The byte mover under a link: at most one live socket, opened by a dial thread, read and closed by its actor.

The only module that imports websocket-client (1.9.2): it performs the opening handshake and masks what is sent. Its
receiving half is not used: it buffers whatever length a peer declares and checks text only when it is complete;
`actors/frames.py` reads instead.

    IDLE -dial-> CONNECTING -Opened-> OPEN -close, peer's Close, violation-> CLOSING -Lost, Closed-> CLOSED
                     | Lost, Closed    | Lost                                                          ^ | dial
                     +-----------------+---------------------------------------------------------------+ +-> CONNECTING
"""

import time
from collections.abc import Callable
from typing import Any

from websocket import ABNF, WebSocket, WebSocketException

from actors.connection import Connection
from actors.dial_stages import UpgradeWire
from actors.dialler import Dialler
from actors.dialling import DialFailed, Dialled
from actors.frames import CLOSE_NORMAL, Opcode
from actors.target import Target
from actors.tls import warm_up
from actors.transport_events import Closed, Lost, Opened, Received, TransportEvent, TransportState
from core.config import TransportSettings
from core.failures import Failure, FailureKind
from core.protocol import Endpoint

__all__ = ["Closed", "Lost", "Opened", "Received", "Transport", "TransportEvent", "TransportState", "warm_up"]

NOT_OPEN = Failure(FailureKind.NETWORK, "the link is not open")


class Transport:
    """Drive it from one thread: watch `fds()`; call `poll()` when one is readable, while `pending()`, and at
    `deadline_s()`. `settings`: deadlines in seconds, limits in bytes. `clock`: monotonic seconds.
    """

    def __init__(self, settings: TransportSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.state = TransportState.IDLE
        self._settings = settings
        self._clock = clock
        self._dialler = Dialler(settings, open_websocket)
        self._connection: Connection | None = None
        self._epoch = 0
        self._ping_interval_s: float | None = None
        self._reading = True
        self._close_asked = False
        self._last_frame_s: float | None = None
        self._events: list[TransportEvent] = []

    @property
    def last_frame_s(self) -> float | None:
        """When the last whole frame of the current or latest connection arrived; None: none did."""
        if self._connection is not None:
            self._last_frame_s = self._connection.last_frame_s
        return self._last_frame_s

    def dial(self, endpoint: Endpoint, epoch: int) -> None:
        """Starts a connection attempt; every failure, also of a bad endpoint, is a Lost event of the next poll.

        RuntimeError while another connection lives, ValueError for an epoch that is not higher than the last.
        """
        if self.state not in (TransportState.IDLE, TransportState.CLOSED):
            raise RuntimeError(f"dial while {self.state.value}: close first")
        if epoch <= self._epoch:
            raise ValueError(f"epoch {epoch} is not higher than the last, {self._epoch}")
        self.state = TransportState.CONNECTING
        self._epoch, self._reading, self._close_asked, self._last_frame_s = epoch, True, False, None
        self._ping_interval_s = endpoint.ping_interval_s
        failure = self._dialler.start(endpoint, epoch, self._clock())
        if failure is not None:
            self._settle(failure)

    def retune(self, settings: TransportSettings) -> None:
        """New deadlines and limits, from the next dial on."""
        self._settings = self._dialler.settings = settings

    def fds(self) -> list[int]:
        """What to watch for reading now: open descriptors, each once."""
        watched = self._dialler.fds()
        if self._connection is not None and (self._reading or self._connection.closing):
            watched.append(self._connection.fileno())
        return watched

    def poll(self) -> list[TransportEvent]:
        """What happened since the last call, in order, with at most 64 messages. Never raises, never blocks."""
        try:
            self._advance(self._clock())
        except Exception as error:
            self._drop()
            self._dialler.abandon()
            if self.state not in (TransportState.IDLE, TransportState.CLOSED):
                self._settle(Failure(FailureKind.BUG, f"the transport failed with {type(error).__name__}"))
        events, self._events = self._events, []
        if any(isinstance(event, Closed) for event in events):
            self._close_asked = False
        return events

    def pending(self) -> bool:
        """True: poll again at once, without waiting for a descriptor."""
        link = self._connection
        return bool(self._events) or (link is not None and link.more and (self._reading or link.closing))

    def deadline_s(self) -> float | None:
        """When poll must be called at the latest, on the clock given; None: no deadline."""
        if self._events:
            return self._clock()
        return self._dialler.deadline_s if self._connection is None else self._connection.deadline_s

    def send(self, data: bytes, text: bool) -> Failure | None:
        """Sends one message, waiting for room at most `send_timeout_s`. `text`: `data` is UTF-8, sent as text.

        A failure on an open link has closed it, and Lost follows at the next poll; otherwise nothing was sent.
        """
        if self._connection is None or self.state is not TransportState.OPEN:
            return NOT_OPEN
        failure = self._connection.send(Opcode.TEXT if text else Opcode.BINARY, data)
        self._settle_if_ended()
        return failure

    def close(self, code: int = CLOSE_NORMAL, reason: str = "") -> None:
        """Ends the connection, whatever its state. One Closed event follows, also when there was nothing to close;
        calls before that event add nothing. A code that may not travel becomes 1000; the reason is cut to 123 bytes.
        """
        if self._close_asked:
            return
        self._close_asked = True
        now_s = self._clock()
        if self._connection is not None:
            self.state = TransportState.CLOSING
            self._connection.close(code, reason, now_s)
            self._settle_if_ended()
        elif self._dialler.running:
            self.state = TransportState.CLOSING
            self._dialler.cancel(now_s)
            self._advance_dial(now_s)
        else:
            self._settle(NOT_OPEN)

    def abort(self) -> None:
        """Closes everything now, without a Close frame or an event: the actor is going away."""
        self._drop()
        self._dialler.abandon()
        self._events, self.state = [], TransportState.CLOSED

    def stop_reading(self) -> None:
        """Back-pressure: `fds()` leaves the socket out and no message is taken, until `resume_reading` or a dial.

        Meanwhile pings are sent but their answers not awaited; TCP still finds a dead peer.
        """
        self._set_reading(False)

    def resume_reading(self) -> None:
        """Ends `stop_reading`; messages may be `pending()` at once."""
        self._set_reading(True)

    def _set_reading(self, reading: bool) -> None:
        self._reading = reading
        if self._connection is not None:
            self._connection.reading = reading

    def _advance(self, now_s: float) -> None:
        self._dialler.reap()
        if self._connection is not None:
            messages = self._connection.advance(now_s)
            self._events += [Received(self._epoch, data) for data in messages]
            if self._connection.closing:
                self.state = TransportState.CLOSING
            self._settle_if_ended()
        else:
            self._advance_dial(now_s)

    def _advance_dial(self, now_s: float) -> None:
        outcome = self._dialler.outcome(now_s)
        if isinstance(outcome, Dialled):
            self.state = TransportState.OPEN
            wanted_s = self._ping_interval_s
            ping_s = None if wanted_s is None else min(wanted_s, self._settings.ping_interval_s)
            self._connection = Connection(outcome, self._settings, ping_s, masked_frame, now_s)
            self._connection.reading = self._reading
            self._events.append(Opened(self._epoch, outcome.subprotocol))
        elif outcome is not None:
            self._settle(outcome)

    def _settle_if_ended(self) -> None:
        if self._connection is not None and self._connection.ended is not None:
            ended = self._connection.ended
            self._drop()
            self._settle(ended.failure, ended.code, ended.reason)

    def _settle(self, failure: Failure, code: int | None = None, reason: str = "") -> None:
        """The end of an epoch: Closed when it was asked for, else Lost."""
        self.state = TransportState.CLOSED
        if self._close_asked:
            self._events.append(Closed(self._epoch, code, reason))
        else:
            self._events.append(Lost(self._epoch, failure, code, reason))

    def _drop(self) -> None:
        """Forgets the connection, its socket closed."""
        if self._connection is not None:
            self._last_frame_s = self._connection.last_frame_s
            self._connection.abort()
            self._connection = None


def open_websocket(wire: UpgradeWire, target: Target) -> None:
    """The opening handshake, by the library, on a wire that is connected and checks the response first."""
    options: dict[str, Any] = {
        "socket": wire,
        "header": list(target.fields),
        "host": target.host_field,
        "suppress_origin": True,  # an endpoint that needs an Origin names it among its headers
        "redirect_limit": 0,
    }
    library: Any = WebSocket(enable_multithread=False, skip_utf8_validation=True)
    try:
        library.connect(target.url, **options)
    except WebSocketException:
        text = "the server's upgrade response does not answer the request's key"
        raise DialFailed(Failure(FailureKind.PROTOCOL, text)) from None


def masked_frame(opcode: int, payload: bytes) -> bytes:
    """One final frame as a client sends it: masked with a fresh random key (RFC 6455 §5.3)."""
    return ABNF.create_frame(payload, opcode).format()
