"""Where the server listens, who can reach it, and what to say when a port is taken."""

import errno
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from core.config import HttpSettings
from web.peer import is_loopback
from web.portholder import holder_of

LOCALHOST = ("127.0.0.1", "::1")


class BindFailed(Exception):
    """The server cannot listen; the text names address, port, who holds it and which setting changes that."""


@dataclass(frozen=True, slots=True)
class Listening:
    """One bound address. `url`: how to reach it from here."""

    host: str
    port: int
    tls: bool

    @property
    def url(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{shown}:{self.port}"


def bind(settings: HttpSettings) -> list[socket.socket]:
    """Bound sockets (not listening yet) of every address that `http.host` means; raises BindFailed.

    `localhost` is 127.0.0.1 and, where the machine has it, ::1: both names of a browser reach the server.
    """
    if settings.host != "localhost":
        return [_bound(settings.host, settings.port)]
    first = _bound(LOCALHOST[0], settings.port)
    try:
        second = _bound(LOCALHOST[1], first.getsockname()[1])
    except NoSuchAddress:
        return [first]
    except BindFailed:
        first.close()
        raise
    return [first, second]


class NoSuchAddress(BindFailed):
    """The machine does not have this address."""


def _bound(host: str, port: int) -> socket.socket:
    family, address = _resolved(host, port)
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise NoSuchAddress(f"Cannot listen on {host}: {error.strerror}") from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if host == "::" else 1)
        sock.bind(address)
        sock.listen()  # a port shared with a program that only bound it fails here; the server sets the backlog
    except OSError as error:
        sock.close()
        raise _explained(error, host, port) from None
    return sock


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, tuple[str, int]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise BindFailed(f"http.host = {host!r} is not an address or a name that can be resolved") from None
    family, _, _, _, address = found[0]
    return family, (str(address[0]), port)


def _explained(error: OSError, host: str, port: int) -> BindFailed:
    match error.errno:
        case errno.EADDRINUSE:
            return BindFailed(
                f"Port {port} on {host} is taken by {holder_of(port)}: stop it, or choose another port with "
                "--port, http.port in conf/sambung.toml or SAMBUNG_HTTP__PORT"
            )
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return NoSuchAddress(f"This machine has no address {host}: set http.host to one that it has")
        case errno.EACCES:
            return BindFailed(f"Port {port} needs more rights than this user has: choose http.port >= 1024")
        case _:
            return BindFailed(f"Cannot listen on {host} port {port}: {error.strerror}")


def listening(sockets: Sequence[socket.socket], *, tls: bool) -> list[Listening]:
    return [Listening(str(name[0]), int(name[1]), tls) for name in (sock.getsockname() for sock in sockets)]


def reach(places: Sequence[Listening]) -> tuple[str, str | None]:
    """Who can reach the server, for the banner, and a warning (None = nothing to warn of)."""
    outside = [place for place in places if not is_loopback(place.host)]
    if not outside:
        return "Only programs on this machine can reach it (http.host changes that).", None
    hosts = ", ".join(place.host for place in outside)
    everywhere = any(ipaddress.ip_address(place.host).is_unspecified for place in outside)
    where = "every address of this machine" if everywhere else hosts
    text = f"Whoever can reach {where} can reach it (http.host changes that)."
    if all(place.tls for place in outside):
        return text, None
    return text, (
        "Tokens and messages travel unencrypted: set http.tls_cert_file and http.tls_key_file, "
        "or put a TLS proxy in front and set http.host = localhost."
    )
