"""The stages of a dial, run in an Attempt's thread under one total deadline: DNS, TCP, proxy, TLS, upgrade.

    Plan.__call__ -> resolve -> connect each address -> tunnel -> TLS -> upgrade -> Dialled

Every wait is bounded by what is left of the deadline, so a peer that drips bytes gains nothing. The one exception is
the resolver, which cannot be interrupted: the transport reports its timeout and drops the late result.
"""

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from ssl import SSLContext

from actors.dial_sockets import DeadlineSocket, remaining_s
from actors.dialling import Attempt, DialFailed, Dialled, connect_in_progress
from actors.socket_failures import socket_failure
from actors.target import Target, bracketed
from actors.tunnels import open_tunnel
from actors.upgrade import library_head, upgrade_failure
from core.config import TransportSettings
from core.failures import Failure, FailureKind

MAX_ADDRESSES = 8
Failing = Callable[[], contextlib.AbstractContextManager[None]]
Address = tuple[socket.AddressFamily, tuple[object, ...]]


class UpgradeWire:
    """What the library takes for a connected socket: it writes its request and reads a response we have checked.

    `failing`: turns errors of the socket into DialFailed here, because the library would replace some of them.
    """

    def __init__(self, under: DeadlineSocket, target: Target, failing: Failing) -> None:
        self._under = under
        self._target = target
        self._failing = failing
        self._response: bytes | None = None
        self.subprotocol: str | None = None

    def gettimeout(self) -> float:
        return 0.0  # the library then calls send and recv once, without polling by itself

    def send(self, data: bytes) -> int:
        with self._failing():
            self._under.send_all(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        if self._response is None:
            with self._failing():
                head = self._under.read_head()
            failure = upgrade_failure(head, self._target.subprotocols, time.time())
            if failure is not None:
                raise DialFailed(failure)
            self.subprotocol = head.first("sec-websocket-protocol")
            self._response = library_head(head)
        data, self._response = self._response[:size], self._response[size:]
        return data

    def close(self) -> None:
        """The attempt closes the socket."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a dial needs. `upgrade`: performs the opening handshake with the library on an UpgradeWire."""

    target: Target
    context: SSLContext | None = field(repr=False)
    settings: TransportSettings
    upgrade: Callable[[UpgradeWire, Target], None] = field(repr=False)

    def __call__(self, attempt: Attempt) -> Dialled:
        with self.failing(attempt):
            return self._dial(attempt, time.monotonic() + self.settings.dial_timeout_s)

    @contextlib.contextmanager
    def failing(self, attempt: Attempt) -> Iterator[None]:
        """Turns errors of a socket into DialFailed, with what the attempt was doing."""
        try:
            yield
        except TimeoutError:
            raise DialFailed(dial_timeout(self.settings.dial_timeout_s, attempt.doing)) from None
        except OSError as error:
            raise DialFailed(socket_failure(error, attempt.doing)) from None

    def _dial(self, attempt: Attempt, deadline_s: float) -> Dialled:
        target = self.target
        addresses = resolve(attempt, target)
        sock = connect_any(attempt, addresses, deadline_s, self.settings)
        under = DeadlineSocket(attempt, sock, deadline_s, self.settings.max_header_bytes)
        if target.proxy is not None:
            open_tunnel(attempt, under, target, target.proxy)
        if self.context is not None:
            attempt.doing = f"TLS handshake with {target.authority}"
            sock = attempt.wrap_tls(self.context, target.host)
            sock.settimeout(remaining_s(attempt, deadline_s))
            sock.do_handshake()  # type: ignore[attr-defined]  # SSLSocket's; bounded by one total timeout
            under = DeadlineSocket(attempt, sock, deadline_s, self.settings.max_header_bytes)
        attempt.doing = f"opening the WebSocket at {target.authority}"
        wire = UpgradeWire(under, target, partial(self.failing, attempt))
        self.upgrade(wire, target)
        sock.setblocking(False)
        return Dialled(sock, under.received, wire.subprotocol)


def dial_timeout(limit_s: float, doing: str) -> Failure:
    return Failure(FailureKind.TIMEOUT, f"no connection within {limit_s:g} s ({doing})")


def resolve(attempt: Attempt, target: Target) -> list[Address]:
    """The addresses to try: the proxy's where there is one, else the server's."""
    host, port = (
        (target.host, target.port) if target.proxy is None else (target.proxy.host, target.proxy.port)
    )
    attempt.doing, attempt.looking_up = f"looking {host} up", True
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise DialFailed(Failure(FailureKind.NETWORK, f"{host}: the name could not be resolved")) from None
    finally:
        attempt.looking_up = False
    addresses: list[Address] = []
    for family, _, _, _, address in found:
        if (family, address) not in addresses:
            addresses.append((family, address))
    return addresses[:MAX_ADDRESSES]


def connect_any(
    attempt: Attempt, addresses: list[Address], deadline_s: float, settings: TransportSettings
) -> socket.socket:
    """A connected socket to the first address that answers; each gets its share of the time that is left."""
    failure: OSError = OSError("no address")
    for index, (family, address) in enumerate(addresses):
        attempt.doing = f"connecting to {bracketed(str(address[0]))}:{address[1]}"
        share_s = remaining_s(attempt, deadline_s) / (len(addresses) - index)
        try:
            return _connect_one(attempt, family, address, share_s, settings)
        except OSError as error:
            attempt.drop_socket()
            failure = error
    raise failure


def _connect_one(
    attempt: Attempt,
    family: socket.AddressFamily,
    address: tuple[object, ...],
    timeout_s: float,
    settings: TransportSettings,
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    set_options(sock, settings)
    sock.setblocking(False)
    code = attempt.begin_connect(sock, address)
    if connect_in_progress(code):
        code = _await_connect(sock, timeout_s)
    attempt.raise_if_cancelled()
    if code:
        raise OSError(code, "connect")
    return sock


def _await_connect(sock: socket.socket, timeout_s: float) -> int:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    if not poll.poll(timeout_s * 1000):
        raise TimeoutError
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def set_options(sock: socket.socket, settings: TransportSettings) -> None:
    """The dead-peer settings: TCP_USER_TIMEOUT and keepalive; no delay for small frames."""
    tcp = socket.IPPROTO_TCP
    sock.setsockopt(tcp, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(tcp, socket.TCP_KEEPIDLE, settings.keepalive_idle_s)
    sock.setsockopt(tcp, socket.TCP_KEEPINTVL, settings.keepalive_interval_s)
    sock.setsockopt(tcp, socket.TCP_KEEPCNT, settings.keepalive_count)
    sock.setsockopt(tcp, socket.TCP_USER_TIMEOUT, int(settings.user_timeout_s * 1000))
