"""The opening handshake: the right answer, or what the fault in force makes of it."""

import http
import time
from email.utils import formatdate
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from simulator.acting import flood
from simulator.faults import BadHandshake, DripHandshake, Http, Refuse, StallHandshake

if TYPE_CHECKING:
    from simulator.connection import Connection

NO_INSTANCE = "anonymous"
ENDLESS_BYTES = 2**40


def instance_of(path: str) -> str:
    """The instance that a request path names: `/…/<instance>` or `?instance=<instance>`."""
    parts = urlsplit(path)
    named = parse_qs(parts.query).get("instance")
    return named[0] if named else unquote(parts.path.rstrip("/").rpartition("/")[2]) or NO_INSTANCE


def meet(connection: "Connection") -> None:
    """TCP was accepted: a counted refusal ends it before any byte is read."""
    if isinstance(connection.host.fault_for(None), Refuse):
        connection.reset()


def answer(connection: "Connection", request: Request) -> None:
    """Book the dial under its instance and answer it as the fault in force says."""
    instance = instance_of(request.path)
    account = connection.host.identified(connection, instance)
    if account is None:
        return respond(connection, Http(status=503, body="this listener holds no more instances\n"))
    connection.account = account
    account.path, account.headers = request.path, dict(request.headers.raw_items())
    account.dialled(connection.entry)
    fault = connection.host.fault_for(instance)
    match fault:
        case Refuse():
            connection.reset()
        case Http():
            respond(connection, fault)
        case StallHandshake():
            pass
        case DripHandshake():
            _drip(connection, request, fault.interval_s)
        case BadHandshake():
            _answer_badly(connection, request, fault.variant)
        case _:
            _accept(connection, request)
    return None


def _accept(connection: "Connection", request: Request) -> None:
    response = connection.ws.accept(request)
    connection.ws.send_response(response)
    if response.status_code == http.HTTPStatus.SWITCHING_PROTOCOLS:
        connection.opened()


def respond(connection: "Connection", fault: Http) -> None:
    """Answer with a plain HTTP response, then EOF."""
    body = fault.body.encode()
    headers = Headers([("Connection", "close"), ("Content-Length", str(len(body)))])
    if fault.retry_after_s is not None:
        headers["Retry-After"] = (
            str(round(fault.retry_after_s))
            if fault.retry_after_form == "seconds"
            else formatdate(time.time() + fault.retry_after_s, usegmt=True)
        )
    for name, value in (fault.headers or {}).items():
        headers[name] = value
    connection.ended_here()
    connection.ws.send_response(Response(fault.status, _phrase(fault.status), headers, body))
    connection.flush()


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _drip(connection: "Connection", request: Request, interval_s: float) -> None:
    response = connection.ws.accept(request)
    connection.ws.send_response(response)
    accepted = response.status_code == http.HTTPStatus.SWITCHING_PROTOCOLS
    answer_bytes = chain.from_iterable(connection.ws.data_to_send())

    def next_byte() -> None:
        byte = next(answer_bytes, None)
        if byte is not None:
            connection.write(bytes([byte]))
            connection.later(interval_s, next_byte)
        elif accepted:
            connection.opened()
        else:
            connection.finish()

    next_byte()


def _answer_badly(connection: "Connection", request: Request, variant: str) -> None:
    response = connection.ws.accept(request)
    match variant:
        case "wrong_accept":
            del response.headers["Sec-WebSocket-Accept"]
            response.headers["Sec-WebSocket-Accept"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
            connection.write(response.serialize())
        case "no_upgrade":
            del response.headers["Upgrade"]
            connection.write(response.serialize())
        case "garbage":
            connection.write(b"\x15\x03\x01\x00 this is no HTTP\r\n\r\n")
        case "endless_headers":
            connection.write(b"HTTP/1.1 101 Switching Protocols\r\n")
            flood(connection, b"X-Padding: more\r\n" * 256, ENDLESS_BYTES)
