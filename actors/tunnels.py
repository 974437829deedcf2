"""The way through a proxy: asks it for a tunnel to the server and fails when there is none. There is no other way."""

import base64

from actors.dial_sockets import DeadlineSocket
from actors.dialling import Attempt, DialFailed
from actors.socks import SocksRefused, socks_handshake
from actors.target import Target
from actors.upgrade import tunnel_failure
from core.failures import Failure, FailureKind
from core.proxies import Proxy, ProxyKind


def open_tunnel(attempt: Attempt, under: DeadlineSocket, target: Target, proxy: Proxy) -> None:
    """Asks the connected proxy for a tunnel to the target. DialFailed when it makes none."""
    attempt.doing = f"asking the proxy for {target.authority}"
    if proxy.kind is ProxyKind.HTTP:
        _connect(under, target, proxy)
    else:
        _socks(under, target, proxy)
    if under.received:
        raise DialFailed(Failure(FailureKind.PROTOCOL, "the proxy sent data before the tunnel was used"))


def _connect(under: DeadlineSocket, target: Target, proxy: Proxy) -> None:
    """RFC 9110 §9.3.6."""
    lines = [f"CONNECT {target.authority} HTTP/1.1", f"Host: {target.authority}"]
    if proxy.user is not None:
        pair = base64.b64encode(proxy.user + b":" + proxy.password).decode()
        lines.append(f"Proxy-Authorization: Basic {pair}")
    under.send_all("\r\n".join([*lines, "", ""]).encode())
    failure = tunnel_failure(under.read_head())
    if failure is not None:
        raise DialFailed(failure)


def _socks(under: DeadlineSocket, target: Target, proxy: Proxy) -> None:
    steps = socks_handshake(proxy, target.host, target.port)
    try:
        talk = next(steps)
        while True:
            under.send_all(talk.send)
            talk = steps.send(under.read_exactly(talk.answer_bytes))
    except StopIteration:
        return
    except SocksRefused as refused:
        raise DialFailed(refused.failure) from None
