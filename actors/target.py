"""Where a dial goes, checked before any socket is made. Pure.

`parse_target` turns an Endpoint into a Target or a CONFIG failure that says what is wrong and what is allowed,
without repeating credentials, queries or header values.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from core.failures import Failure, FailureKind
from core.protocol import Endpoint
from core.proxies import BadProxy, Proxy, ProxyKind, parse_proxy

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?")
_URL = re.compile(r"[!-~]+")  # printable ASCII without the space (RFC 3986 §2)
# The library writes these; a second one would contradict it.
_OWN_FIELDS = frozenset({"connection", "upgrade", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Target:
    """A checked endpoint. `url`: for the request line; `authority`: host and port as in a Host field."""

    host: str
    port: int
    secure: bool
    url: str = field(repr=False)
    host_field: str
    fields: tuple[str, ...] = field(repr=False)
    subprotocols: tuple[str, ...]
    proxy: Proxy | None

    @property
    def authority(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


class _Wrong(Exception):
    """Leaves the checks as a CONFIG failure; never leaves this module."""


def parse_target(endpoint: Endpoint) -> Target | Failure:
    """The endpoint as a Target, or a CONFIG failure naming the field, what is wrong and what is allowed."""
    try:
        _check_ping(endpoint.ping_interval_s)
        parts, host, port = _parse_url(endpoint.url)
        secure = parts.scheme == "wss"
        host_field = bracketed(host) if port == default_port(secure) else f"{bracketed(host)}:{port}"
        own_host = [value for name, value in endpoint.headers if name.lower() == "host"]
        return Target(
            host=host,
            port=port,
            secure=secure,
            url=_request_url(parts, f"{bracketed(host)}:{port}"),
            host_field=_checked_value("Host", own_host[-1]) if own_host else host_field,
            fields=_header_lines(endpoint),
            subprotocols=_checked_subprotocols(endpoint.subprotocols),
            proxy=None if endpoint.proxy is None else _checked_proxy(endpoint.proxy, host),
        )
    except _Wrong as wrong:
        return Failure(FailureKind.CONFIG, str(wrong))


def _check_ping(interval_s: float | None) -> None:
    if interval_s is not None and not interval_s > 0:
        raise _Wrong("ping_interval_s: it must be more than 0 seconds, or None for no ping")


def default_port(secure: bool) -> int:
    return 443 if secure else 80


def bracketed(host: str) -> str:
    """The host as it stands in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def _parse_url(url: str) -> tuple[SplitResult, str, int]:
    parts, host, port = _split(url)
    if parts.scheme not in ("ws", "wss"):
        raise _Wrong("url: the scheme must be ws or wss")
    if "@" in parts.netloc:
        raise _Wrong("url: user and password are not allowed in it: use an Authorization header")
    if "#" in url:
        raise _Wrong("url: a WebSocket URL has no fragment ('#')")
    return parts, host, port or default_port(parts.scheme == "wss")


def _split(url: str) -> tuple[SplitResult, str, int | None]:
    """The parts of a URL, its host in ASCII and its port (None: not given)."""
    if any(char.isspace() or ord(char) < 0x20 or ord(char) == 0x7F for char in url):
        raise _Wrong("url: spaces and control characters are not allowed in it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        ascii_host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:
        raise _Wrong("url: it is not a URL with a host and a port of 1..65535") from None
    if not _HOST.fullmatch(ascii_host) or len(ascii_host) > 253 or port == 0:
        raise _Wrong("url: it needs a host name or address, and a port of 1..65535 if any")
    return parts, ascii_host, port


def _request_url(parts: SplitResult, authority: str) -> str:
    # The library's URL parser would drop a path parameter (";…"); percent-encoded it survives.
    path = (parts.path or "/").replace(";", "%3B")
    url = f"{parts.scheme}://{authority}{path}" + (f"?{parts.query}" if parts.query else "")
    if not _URL.fullmatch(url):
        raise _Wrong("url: path and query must be printable ASCII without spaces: percent-encode the rest")
    return url


def _checked_proxy(url: str, host: str) -> Proxy:
    try:
        proxy = parse_proxy(url)
    except BadProxy as bad:
        raise _Wrong(f"proxy: {bad}") from None
    if proxy.kind is ProxyKind.SOCKS4A and ":" in host:
        raise _Wrong("proxy: a SOCKS4 proxy can't reach an IPv6 address: use socks5://")
    return proxy


def _header_lines(endpoint: Endpoint) -> tuple[str, ...]:
    """The request's extra fields. Subprotocols go here: the library would fail when the server chooses none."""
    lines = []
    for name, value in endpoint.headers:
        if not _TOKEN.fullmatch(name):
            raise _Wrong("headers: a name may hold letters, digits and !#$%&'*+-.^_`|~ only")
        if name.lower() in _OWN_FIELDS or name.lower().startswith("sec-websocket-"):
            raise _Wrong(f"headers: {name} is set by the connection itself")
        if name.lower() != "host":
            lines.append(f"{name}: {_checked_value(name, value)}")
    if endpoint.subprotocols:
        lines.append(f"Sec-WebSocket-Protocol: {', '.join(endpoint.subprotocols)}")
    return tuple(lines)


def _checked_value(name: str, value: str) -> str:
    if any((ord(char) < 0x20 and char != "\t") or ord(char) == 0x7F for char in value):
        raise _Wrong(f"headers: the value of {name} holds a line break or another control character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Wrong(f"headers: the value of {name} cannot be encoded as UTF-8") from None
    return value.strip()


def _checked_subprotocols(names: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_TOKEN.fullmatch(name) for name in names) or len(set(names)) != len(names):
        raise _Wrong("subprotocols: each must be a token (no spaces or commas) and appear once")
    return names
