"""From a checked body to a configuration that an instance can use: what pydantic cannot say."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from core import payload
from core.config import OVERRIDABLE, problem
from core.instances import MASK, InstanceConfig, LinkKind, LoginConfig, Payload, PingConfig
from core.proxies import BadProxy, parse_proxy
from store.packing import pack
from web.api.models import ConfigBody, Problem

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
FORBIDDEN_HEADERS = frozenset(
    (
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
SCALARS = (str, int, float, bool, type(None))


def build(body: ConfigBody) -> InstanceConfig:
    """The configuration of a body without `problems`."""
    ping, login = body.ping, body.login
    return InstanceConfig(
        link=LinkKind(body.link),
        url=body.url,
        headers=body.headers,
        subprotocols=tuple(body.subprotocols),
        proxy=body.proxy,
        ca_file=body.ca_file,
        payload=Payload(body.payload),
        hello=tuple(body.hello),
        ping=None if ping is None else PingConfig(ping.message, ping.interval_s, ping.timeout_s),
        login=None if login is None else LoginConfig(login.accept, login.reject),
        ack_field=body.ack_field,
        overrides=body.overrides,
    )


def problems(body: ConfigBody) -> Iterator[Problem]:
    """Every field that is wrong though its type is right."""
    yield from _url_problems(body.url)
    yield from _proxy_problems(body.proxy)
    yield from _header_problems(body.headers)
    yield from _subprotocol_problems(body.subprotocols)
    yield from _message_problems(body)
    yield from _login_problems(body)
    yield from _override_problems(body.overrides)
    if body.ca_file is not None and (not body.ca_file.startswith("/") or "\0" in body.ca_file):
        yield "ca_file", "must be an absolute path of a PEM file"
    if body.ack_field is not None and body.payload not in ("json", "msgpack"):
        yield "ack_field", "needs the payload json or msgpack"


def _url_problems(url: str) -> Iterator[Problem]:
    parts = _split(url)
    if parts is None or parts.scheme not in ("ws", "wss") or not parts.hostname:
        yield "url", "must be a WebSocket URL: ws://host[:port][/path] or wss://…"
    elif "@" in parts.netloc:
        yield "url", "must not hold a user or password: send them as a header (headers.Authorization)"
    elif parts.fragment or "#" in url:
        yield "url", "must not have a fragment (#…)"
    elif parts.query == MASK:
        yield "url", f"its query is masked ({MASK}): give the whole URL"


def _proxy_problems(proxy: str | None) -> Iterator[Problem]:
    if proxy is None:
        return
    try:
        parse_proxy(proxy)
    except BadProxy as bad:
        yield "proxy", str(bad)
    else:
        if MASK in urlsplit(proxy).netloc.rpartition("@")[0]:
            yield "proxy", f"its user or password is masked ({MASK}): give the whole URL"


def _split(url: str) -> SplitResult | None:
    """The URL's parts, None when it is none: blanks, control characters, a port that cannot be."""
    if any(ord(char) <= 32 or ord(char) == 127 or char == "\\" for char in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:  # UnicodeError, too
        return None
    return None if port == 0 else parts


def _header_problems(headers: Mapping[str, str]) -> Iterator[Problem]:
    for name, value in headers.items():
        field = f"headers.{name[:64]}"
        if not TOKEN.fullmatch(name):
            yield field, "is not a header name"
        elif name.lower() in FORBIDDEN_HEADERS or name.lower().startswith("sec-websocket-"):
            yield field, "is set by the connection itself"
        if value == MASK:
            yield field, f"is masked ({MASK}): give its value"
        elif not _is_header_value(value):
            yield field, "must be one line of Latin-1 text, at most 8192 characters"
    if len({name.lower() for name in headers}) < len(headers):
        yield "headers", "a name appears twice (upper and lower case are the same)"


def _is_header_value(value: str) -> bool:
    printable = all(char == "\t" or (32 <= ord(char) != 127 and ord(char) < 256) for char in value)
    return printable and len(value) <= 8192


def _subprotocol_problems(subprotocols: list[str]) -> Iterator[Problem]:
    if not all(TOKEN.fullmatch(one) for one in subprotocols):
        yield "subprotocols", "each must be a name without blanks or separators"
    if len(set(subprotocols)) < len(subprotocols):
        yield "subprotocols", "a name appears twice"


def _message_problems(body: ConfigBody) -> Iterator[Problem]:
    messages = [(f"hello.{index}", message) for index, message in enumerate(body.hello)]
    if body.ping is not None:
        messages.append(("ping.message", body.ping.message))
    for field, message in messages:
        if message == MASK:
            yield field, f"is masked ({MASK}): give the message"
        try:
            payload.encode(Payload(body.payload), message, pack)
        except payload.InvalidContent as error:
            yield field, str(error)
    if body.ping is not None and (body.ping.timeout_s or 0) > body.ping.interval_s:
        yield "ping.timeout_s", "must not be longer than interval_s"


def _login_problems(body: ConfigBody) -> Iterator[Problem]:
    if body.login is None:
        return
    for name, pattern in (("accept", body.login.accept), ("reject", body.login.reject or {})):
        for key, value in pattern.items():
            if not isinstance(value, SCALARS):
                yield f"login.{name}.{key[:64]}", "must be a string, a number, true, false or null"


def _override_problems(overrides: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for section, values in overrides.items():
        if section not in OVERRIDABLE:
            yield f"overrides.{section[:64]}", f"unknown section (allowed: {', '.join(OVERRIDABLE)})"
            continue
        for name, value in values.items():
            if text := problem(section, name, value):
                yield f"overrides.{section}.{name[:64]}", text
