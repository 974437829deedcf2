"""The proxy of an instance, checked before anything is dialled. Pure.

    http://[user:password@]host:port       asked to CONNECT (RFC 9110 §9.3.6)
    socks5://[user:password@]host:port     RFC 1928, RFC 1929; socks5h:// means the same
    socks4a://[user@]host:port             SOCKS4 with host names

The server's host name always goes to the proxy: it is never looked up here, so no look-up bypasses the proxy.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import unquote_to_bytes, urlsplit

FORMS = "http://[user:password@]host:port, socks5://[user:password@]host:port or socks4a://[user@]host:port"
MAX_CREDENTIAL_BYTES = 255  # RFC 1929 §2: a length is one byte
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?")


class ProxyKind(Enum):
    HTTP = "http"
    SOCKS5 = "socks5"
    SOCKS4A = "socks4a"


_SCHEMES = {
    "http": ProxyKind.HTTP,
    "socks5": ProxyKind.SOCKS5,
    "socks5h": ProxyKind.SOCKS5,
    "socks4a": ProxyKind.SOCKS4A,
}


@dataclass(frozen=True, slots=True)
class Proxy:
    """`user`: None without credentials. `password`: empty where there is none."""

    kind: ProxyKind
    host: str
    port: int
    user: bytes | None = field(default=None, repr=False)
    password: bytes = field(default=b"", repr=False)


class BadProxy(ValueError):
    """The text can't be a proxy; says why and what is allowed, and repeats nothing of it."""


def parse_proxy(url: str) -> Proxy:
    """The proxy that a URL names. BadProxy when it names none."""
    if any(char.isspace() or ord(char) < 0x20 or ord(char) == 0x7F or char == "\\" for char in url):
        raise BadProxy("spaces, backslashes and control characters are not allowed in it")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host = host if host.isascii() else host.encode("idna").decode()
    except ValueError:
        raise BadProxy(f"it must look like {FORMS}") from None
    kind = _SCHEMES.get(parts.scheme)
    if kind is None and parts.scheme in ("socks4", "socks"):
        raise BadProxy("write socks4a:// or socks5://: the proxy has to look host names up")
    if kind is None or not _HOST.fullmatch(host) or not port:
        raise BadProxy(f"it must look like {FORMS}")
    if parts.path not in ("", "/") or "?" in url or "#" in url:
        raise BadProxy("it must not have a path, query or fragment")
    if parts.username is None:
        return Proxy(kind, host, port)
    user, password = unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or "")
    _check_credentials(kind, user, password)
    return Proxy(kind, host, port, user, password)


def _check_credentials(kind: ProxyKind, user: bytes, password: bytes) -> None:
    if kind is ProxyKind.SOCKS4A and (password or b"\0" in user):
        raise BadProxy("a SOCKS4 proxy takes a user name only, without a password or a zero byte")
    if kind is not ProxyKind.HTTP and not 0 < len(user) <= MAX_CREDENTIAL_BYTES:
        raise BadProxy(f"its user name must have 1 to {MAX_CREDENTIAL_BYTES} bytes")
    if kind is not ProxyKind.HTTP and len(password) > MAX_CREDENTIAL_BYTES:
        raise BadProxy(f"its password may have {MAX_CREDENTIAL_BYTES} bytes at most")
