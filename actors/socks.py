"""What a client says to a SOCKS proxy, and what the answers mean. Pure: the caller moves the bytes.

    SOCKS5 (RFC 1928, RFC 1929)   methods -> [user and password ->] connect -> the tunnel
    SOCKS4a                       connect with the host's name -> the tunnel

Each step is a `Talk`: bytes to send, then how many bytes of answer to read.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

from core.failures import Failure, FailureKind
from core.proxies import Proxy, ProxyKind

_NO_LOGIN, _USER_AND_PASSWORD, _NO_METHOD = 0x00, 0x02, 0xFF
_IPV4, _NAME, _IPV6 = 0x01, 0x03, 0x04
# RFC 1928 §6. Of these only what another configuration would change is permanent.
_REPLIES = {
    0x01: (FailureKind.NETWORK, "failed"),
    0x02: (FailureKind.NETWORK, "does not allow the connection"),
    0x03: (FailureKind.NETWORK, "can't reach the network"),
    0x04: (FailureKind.NETWORK, "can't reach the host"),
    0x05: (FailureKind.NETWORK, "was refused by the server"),
    0x06: (FailureKind.NETWORK, "saw the packets expire"),
    0x07: (FailureKind.CONFIG, "can't connect: it knows other commands only"),
    0x08: (FailureKind.CONFIG, "does not know this kind of address"),
}
_SOCKS4_GRANTED = 0x5A


@dataclass(frozen=True, slots=True)
class Talk:
    """`send`: holds credentials, perhaps. `answer_bytes`: to be read before the next step, exactly."""

    send: bytes = field(repr=False)
    answer_bytes: int


class SocksRefused(Exception):
    """The proxy made no tunnel."""

    def __init__(self, kind: FailureKind, text: str) -> None:
        super().__init__(text)
        self.failure = Failure(kind, text)


Handshake = Generator[Talk, bytes, None]


def socks_handshake(proxy: Proxy, host: str, port: int) -> Handshake:
    """The steps to a tunnel to host and port; it ends when the tunnel is there. SocksRefused when there is none."""
    return _socks4a(proxy, host, port) if proxy.kind is ProxyKind.SOCKS4A else _socks5(proxy, host, port)


def _socks5(proxy: Proxy, host: str, port: int) -> Handshake:
    methods = [_NO_LOGIN] if proxy.user is None else [_NO_LOGIN, _USER_AND_PASSWORD]
    version, method = yield Talk(bytes([5, len(methods), *methods]), 2)
    _check_version(version, 5)
    if method == _NO_METHOD:
        wants = "a user and a password" if proxy.user is None else "another way to log in"
        raise SocksRefused(FailureKind.CONFIG, f"the proxy wants {wants}")
    if method not in methods:
        raise SocksRefused(FailureKind.PROTOCOL, "the proxy chose a way to log in that was not offered")
    if method == _USER_AND_PASSWORD:
        yield from _log_in(proxy.user or b"", proxy.password)
    yield from _connect(host, port)


def _log_in(user: bytes, password: bytes) -> Handshake:
    """RFC 1929 §2."""
    version, status = yield Talk(_counted(b"\x01", user, password), 2)
    _check_version(version, 1)
    if status != 0:
        raise SocksRefused(FailureKind.CONFIG, "the proxy refuses the user or the password")


def _counted(start: bytes, *texts: bytes) -> bytes:
    return start + b"".join(bytes([len(text)]) + text for text in texts)


def _connect(host: str, port: int) -> Handshake:
    """RFC 1928 §4 to §6. The address in the answer is of no use, but of a length that its fourth byte tells."""
    version, reply, _, kind = yield Talk(b"\x05\x01\x00" + _address(host) + port.to_bytes(2, "big"), 4)
    _check_version(version, 5)
    if reply != 0:
        failure, text = _REPLIES.get(reply, (FailureKind.NETWORK, f"failed with code {reply}"))
        raise SocksRefused(failure, f"the proxy {text}")
    if kind == _NAME:
        (length,) = yield Talk(b"", 1)
    elif kind in (_IPV4, _IPV6):
        length = 4 if kind == _IPV4 else 16
    else:
        raise SocksRefused(FailureKind.PROTOCOL, "the proxy names an address of an unknown kind")
    yield Talk(b"", length + 2)


def _address(host: str) -> bytes:
    literal = _literal(host)
    if literal is None:
        return _counted(bytes([_NAME]), host.encode("ascii"))
    return bytes([_IPV4 if literal.version == 4 else _IPV6]) + literal.packed


def _socks4a(proxy: Proxy, host: str, port: int) -> Handshake:
    literal = _literal(host)
    named = literal is None
    # 0.0.0.1: look the name behind the user up.
    address = b"\0\0\0\x01" if literal is None else literal.packed
    request = b"\x04\x01" + port.to_bytes(2, "big") + address + (proxy.user or b"") + b"\0"
    request += host.encode("ascii") + b"\0" if named else b""
    version, reply, *_ = yield Talk(request, 8)
    _check_version(version, 0)
    if reply in (0x5C, 0x5D):
        raise SocksRefused(FailureKind.CONFIG, "the proxy refuses the user")
    if reply != _SOCKS4_GRANTED:
        raise SocksRefused(FailureKind.NETWORK, "the proxy refused to connect, or failed")


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _check_version(version: int, expected: int) -> None:
    if version != expected:
        raise SocksRefused(FailureKind.PROTOCOL, "the proxy does not speak this version of SOCKS")
