"""One upstream: a port, its fault, its connections, and the books of its instances."""

import asyncio
import base64
import ssl
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from simulator.account import Account, SocketEntry
from simulator.behaviour import Behaviour, anything, encoded
from simulator.board import FaultBoard, Scope
from simulator.books import Books
from simulator.checking import SpecError, choice, list_of, nested, optional, text, whole
from simulator.connection import Connection
from simulator.doorway import Doorway
from simulator.faults import Fault, Healthy, Refuse, close_code, fault_json, parse_fault
from simulator.hangup import HangupWatch
from simulator.pushing import Push, PushSpec
from simulator.views import InstanceView, ListenerStats

PUSHES_KEPT = 1000


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the certificate chain and its key."""

    cert: Annotated[str, text()]
    key: Annotated[str, text()]


@dataclass(frozen=True, slots=True)
class ListenerSpec:
    """What a listener is made from. `port` 0: any free one."""

    port: Annotated[int, whole(0, 65535)] = 0
    fault: Annotated[Fault, parse_fault] = field(default_factory=Healthy)
    behaviour: Annotated[Behaviour, nested(Behaviour, "behaviour")] = field(default_factory=Behaviour)
    tls: Annotated[TlsFiles | None, optional(nested(TlsFiles, "tls"))] = None
    max_message_bytes: Annotated[int, whole(1, 2**30)] = 16 * 2**20


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Raises SpecError when the files cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.cert, files.key)
    except (OSError, ssl.SSLError) as error:
        raise SpecError(f"tls: cannot use cert {files.cert!r} with key {files.key!r}: {error}") from error
    return context


@dataclass(frozen=True, slots=True)
class DropSpec:
    """End connections now. `how`: drop (FIN), reset (RST) or close (Close frame with `code` and `reason`).

    `instances` None: all.
    """

    how: Annotated[str, choice("drop", "reset", "close")] = "drop"
    instances: Annotated[tuple[str, ...] | None, optional(list_of(text(200)))] = None
    code: Annotated[int, close_code] = 1001
    reason: Annotated[str, text(123)] = ""


@dataclass(frozen=True, slots=True)
class SendSpec:
    """One message now: `message` (a JSON value, sent as text; strings as they are) or `base64` (sent as binary)."""

    instances: Annotated[tuple[str, ...] | None, optional(list_of(text(200)))] = None
    message: Annotated[object, anything] = None
    base64: Annotated[str | None, optional(text(2**20))] = None

    def payload(self) -> tuple[bytes, bool]:
        """The bytes and whether they are text. Raises SpecError."""
        if self.base64 is None:
            return encoded(self.message).encode(), True
        try:
            return base64.b64decode(self.base64, validate=True), False
        except ValueError as error:
            raise SpecError(f"send.base64: {error}") from error


class Listener:
    """Listens from `start` to `stop`. Implements `connection.Host` and `pushing.Sessions`.

    Raises SpecError for unusable TLS files, OSError when the port is taken.
    """

    def __init__(self, spec: ListenerSpec, host: str, hangups: HangupWatch) -> None:
        self.spec = spec
        self.behaviour = spec.behaviour
        self.hangups = hangups
        self.books = Books()
        self.board = FaultBoard(self._fault_changed)
        self._door = Doorway(host, spec.port, tls_context(spec.tls) if spec.tls else None)
        self._connections: dict[int, Connection] = {}
        self._of_instance: dict[str, dict[int, Connection]] = {}
        self._number = 0
        self._pushes: deque[Push] = deque(maxlen=PUSHES_KEPT)
        self._push_number = 0

    @property
    def port(self) -> int:
        return self._door.port

    @property
    def url(self) -> str:
        shown = f"[{self._door.host}]" if ":" in self._door.host else self._door.host
        return f"{'wss' if self.spec.tls else 'ws'}://{shown}:{self.port}"

    @property
    def max_message_bytes(self) -> int:
        return self.spec.max_message_bytes

    async def start(self) -> None:
        await self.board.set(self.spec.fault)

    def stop(self) -> None:
        self.board.stop()
        for push in self._pushes:
            push.stop()
        self._door.close()
        for connection in list(self._connections.values()):
            connection.abort()

    def dialled(self, connection: Connection) -> SocketEntry:
        self._number += 1
        now_s = time.time()
        self.books.dials.dialled(now_s)
        self._connections[self._number] = connection
        return SocketEntry(self._number, now_s)

    def identified(self, connection: Connection, instance: str) -> Account | None:
        """The account of the instance that a connection named; None when there are too many."""
        account = self.books.account(instance)
        if account is not None:
            living = self._of_instance.setdefault(instance, {})
            for earlier in living.values():
                earlier.succeeded(connection.entry.dialled_at)
            living[connection.entry.number] = connection
        return account

    def fault_for(self, instance: str | None) -> Fault:
        return self.board.in_force(instance)

    def lost(self, connection: Connection) -> None:
        number = connection.entry.number
        del self._connections[number]
        if connection.account is None:
            self.books.unidentified += 1
        else:
            del self._of_instance[connection.account.instance][number]

    def with_session(self) -> Sequence[str]:
        return [name for name, account in self.books.accounts.items() if account.gauges.sessions.now]

    def session_of(self, instance: str) -> Connection | None:
        """The newest connection of the instance that has a session."""
        for connection in reversed(self._of_instance.get(instance, {}).values()):
            if connection.entry.session_at is not None:
                return connection
        return None

    def skipped(self, instance: str) -> None:
        """Book an event that the instance could not be sent."""
        account = self.books.accounts.get(instance)
        if account is not None:
            account.tally.skipped += 1

    def push(self, spec: PushSpec) -> Push:
        """Start a push; the oldest is stopped and forgotten when there are too many."""
        if len(self._pushes) == PUSHES_KEPT:
            self._pushes[0].stop()
        self._push_number += 1
        push = Push(self._push_number, spec, self)
        self._pushes.append(push)
        push.start()
        return push

    def find_push(self, number: int) -> Push | None:
        return next((push for push in self._pushes if push.number == number), None)

    def send(self, spec: SendSpec) -> int:
        """How many instances the message was sent to. Raises SpecError for bad base64."""
        payload, is_text = spec.payload()
        names = self.with_session() if spec.instances is None else spec.instances
        sessions = [self.session_of(name) for name in names]
        return sum(session.send(payload, is_text) for session in sessions if session is not None)

    def drop(self, spec: DropSpec) -> int:
        """End connections; how many there were."""
        chosen = [
            connection
            for connection in self._connections.values()
            if spec.instances is None
            or (connection.account is not None and connection.account.instance in spec.instances)
        ]
        for connection in chosen:
            match spec.how:
                case "close":
                    connection.close(spec.code, spec.reason)
                case "reset":
                    connection.reset()
                case _:
                    connection.abort()
        return len(chosen)

    def stats(self, *, each: bool = True) -> ListenerStats:
        """`each`: with a summary of every instance."""
        fault = fault_json(self.board.as_set(None))
        return self.books.stats(self.port, fault, self._door.is_open, each=each)

    def instance(self, name: str) -> InstanceView:
        """All about one instance; all zero when it never dialled."""
        account = self.books.accounts.get(name) or Account(name)
        return account.view(fault_json(self.board.as_set(name)))

    async def _fault_changed(self, scope: Scope) -> None:
        match self.board.in_force(None):
            case Refuse(counted=False):
                await self._door.set_open(False, self._connect)
            case _:
                await self._door.set_open(True, self._connect)
        for connection in list(self._connections.values()):
            instance = None if connection.account is None else connection.account.instance
            if scope == instance or (scope is None and not self.board.has_own(instance)):
                connection.meet_fault(self.board.in_force(instance))

    def _connect(self) -> Connection:
        return Connection(self, asyncio.get_running_loop())
