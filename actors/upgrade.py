"""The HTTP side of a dial: response heads, and what their status means for the link (RFC 6455 §4, RFC 9110). Pure.

Everything here takes the bytes of a head (status line and fields, without the empty line) and answers with values.
Texts are for people: they never hold a field value that the peer sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from core.failures import Failure, FailureKind

MAX_RETRY_AFTER_S = 86_400.0
_HEAD_END = re.compile(rb"\r?\n\r?\n")  # a bare LF may end a line (RFC 9112 §2.2)
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-5]\d\d)(?: .*)?")
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# More than one of these would let two readers of the response disagree.
_SINGLE = ("upgrade", "sec-websocket-accept", "sec-websocket-protocol")


@dataclass(frozen=True, slots=True)
class Head:
    """A response head: `status` 100..599; `fields`: lower-case name → the values in order of arrival."""

    status: int
    fields: Mapping[str, tuple[str, ...]]

    def first(self, name: str) -> str | None:
        return next(iter(self.fields.get(name, ())), None)


def split_head(received: bytes) -> tuple[bytes, bytes] | None:
    """The response head and what follows it; None while the empty line has not arrived."""
    end = _HEAD_END.search(received)
    return None if end is None else (received[: end.start()], received[end.end() :])


def parse_head(raw: bytes) -> Head | Failure:
    """The head in `raw`; PROTOCOL for anything that is not HTTP/1.x as RFC 9112 §2..5 has it."""
    lines = [line.removesuffix("\r") for line in raw.decode("latin-1").split("\n")]
    status = _STATUS_LINE.fullmatch(lines[0])
    if status is None:
        return Failure(FailureKind.PROTOCOL, "the answer is not an HTTP response")
    fields: dict[str, tuple[str, ...]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not _FIELD_NAME.fullmatch(name) or "\r" in value:
            return Failure(FailureKind.PROTOCOL, "the HTTP response has a malformed header field")
        key = name.lower()
        fields[key] = (*fields.get(key, ()), value.strip())
    return Head(int(status.group(1)), fields)


def upgrade_failure(head: Head, requested: tuple[str, ...], now_epoch_s: float) -> Failure | None:
    """Why this response opens no WebSocket; None when it does (the accept key is checked by the library).

    `requested`: the subprotocols asked for. The server may choose one of them or none (RFC 6455 §4.2.2), but never
    another, and no extension: none is offered.
    """
    if head.status != 101:
        return status_failure(head, now_epoch_s)
    if any(len(head.fields.get(name, ())) > 1 for name in _SINGLE):
        return _protocol("the upgrade response repeats a header field")
    if not _has_token(head, "upgrade", "websocket") or not _has_token(head, "connection", "upgrade"):
        return _protocol("the server switched to something that is not a WebSocket")
    if any(head.fields.get("sec-websocket-extensions", ())):
        return _protocol("the server wants an extension that was not offered")
    chosen = head.first("sec-websocket-protocol")
    if chosen is not None and chosen not in requested:
        return _protocol("the server chose a subprotocol that was not offered")
    return None


def status_failure(head: Head, now_epoch_s: float) -> Failure:
    """The failure that a refusing status stands for, with the status and, when throttled, the Retry-After."""
    status = head.status
    match status:
        case 429 | 503:
            wait_s = retry_after_s(head, now_epoch_s)
            return Failure(FailureKind.THROTTLED, f"the server asks to wait (HTTP {status})", status, wait_s)
        case 408:
            return Failure(FailureKind.TIMEOUT, "the server timed the request out (HTTP 408)", status)
        case 425:
            return Failure(FailureKind.UPSTREAM, "the server was not ready (HTTP 425)", status)
        case _ if status >= 500:
            return Failure(FailureKind.UPSTREAM, f"the server failed (HTTP {status})", status)
        case _ if status >= 400:
            return Failure(FailureKind.CONFIG, f"the server refused the connection (HTTP {status})", status)
        case _ if status >= 300:
            text = f"the server redirects (HTTP {status}), which is not followed: configure the final URL"
            return Failure(FailureKind.CONFIG, text, status)
        case _:
            return _protocol(f"the server answered HTTP {status} instead of opening a WebSocket")


def tunnel_failure(head: Head) -> Failure | None:
    """Why a proxy's answer to CONNECT is no tunnel; None when it is one (RFC 9110 §9.3.6)."""
    if 200 <= head.status < 300:
        return None
    if head.status == 407:
        return Failure(FailureKind.CONFIG, "the proxy wants other credentials (HTTP 407)", 407)
    return Failure(FailureKind.NETWORK, f"the proxy refused to connect (HTTP {head.status})")


def retry_after_s(head: Head, now_epoch_s: float) -> float | None:
    """Seconds of Retry-After (RFC 9110 §10.2.3), 0..86400; None when it is absent or unreadable.

    A date is taken relative to the response's own Date where there is one, so that a wrong clock here does no harm.
    """
    value = head.first("retry-after")
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), MAX_RETRY_AFTER_S)
    until = _http_date(value)
    if until is None:
        return None
    sent = _http_date(head.first("date") or "")
    return min(max(until - (now_epoch_s if sent is None else sent), 0.0), MAX_RETRY_AFTER_S)


def library_head(head: Head) -> bytes:
    """The 101 response reduced to what the library checks, so that cookies and odd fields never reach it."""
    kept = ("upgrade", "connection", "sec-websocket-accept")
    lines = [f"{name}: {', '.join(head.fields[name])}" for name in kept if name in head.fields]
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines]).encode("latin-1") + b"\r\n\r\n"


def _has_token(head: Head, name: str, token: str) -> bool:
    listed = ",".join(head.fields.get(name, ()))
    return token in (part.strip().lower() for part in listed.split(","))


def _http_date(value: str) -> float | None:
    try:
        moment: datetime = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _protocol(text: str) -> Failure:
    return Failure(FailureKind.PROTOCOL, text)
