"""What operators configure about one instance. The API checks what comes from outside; the dial checks it again."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


ID_RULE = "must be 1 to 64 of A-Z a-z 0-9 . _ -, begin with a letter or digit, and hold no '..'"
MASK = "***"
"""Stands for what is hidden when a configuration is shown."""


def valid_id(instance_id: str) -> bool:
    """True for an instance id: 1..64 of letters, digits, `._-`, no leading punctuation, no `..`."""
    return bool(ID_PATTERN.fullmatch(instance_id)) and ".." not in instance_id


class LinkKind(Enum):
    WEBSOCKET = "websocket"


class Payload(Enum):
    """How messages of a plain WebSocket are encoded."""

    TEXT = "text"
    JSON = "json"
    MSGPACK = "msgpack"
    BINARY = "binary"


class Desired(Enum):
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class PingConfig:
    """Application ping: `message` is sent every `interval_s`; with `timeout_s` any frame must follow in time."""

    message: Any = field(repr=False)
    interval_s: float = 30.0
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class LoginConfig:
    """When the session counts as authenticated.

    A message matches when every key of the (flat) mapping has that value; text payloads match by equality under
    the key `text`. `reject` parks the instance as LOGGED_OUT.
    """

    accept: Mapping[str, Any] = field(repr=False)
    reject: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class InstanceConfig:
    """One instance's configuration. Its values may be secrets: `masked()` is for showing."""

    link: LinkKind = LinkKind.WEBSOCKET
    url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    subprotocols: tuple[str, ...] = ()
    proxy: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    payload: Payload = Payload.JSON
    hello: tuple[Any, ...] = field(default=(), repr=False)
    ping: PingConfig | None = None
    login: LoginConfig | None = None
    ack_field: str | None = None
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def masked(self) -> dict[str, Any]:
        """The configuration for showing: values of headers, hello messages and proxy credentials are hidden."""
        shown = self.to_dict()
        shown["headers"] = dict.fromkeys(self.headers, MASK)
        shown["hello"] = [MASK for _ in self.hello]
        shown["url"] = redact_url(self.url)
        shown["proxy"] = redact_url(self.proxy) if self.proxy else None
        return shown

    def to_dict(self) -> dict[str, Any]:
        """JSON-able form with the secrets in it, for the registry."""
        return {
            "link": self.link.value,
            "url": self.url,
            "headers": dict(self.headers),
            "subprotocols": list(self.subprotocols),
            "proxy": self.proxy,
            "ca_file": self.ca_file,
            "payload": self.payload.value,
            "hello": list(self.hello),
            "ping": None
            if self.ping is None
            else {
                "message": self.ping.message,
                "interval_s": self.ping.interval_s,
                "timeout_s": self.ping.timeout_s,
            },
            "login": None
            if self.login is None
            else {"accept": dict(self.login.accept), "reject": self.login.reject and dict(self.login.reject)},
            "ack_field": self.ack_field,
            "overrides": {section: dict(values) for section, values in self.overrides.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "InstanceConfig":
        """The inverse of `to_dict`; raises KeyError, TypeError or ValueError for data that it did not write."""
        ping, login = data["ping"], data["login"]
        return cls(
            link=LinkKind(data["link"]),
            url=data["url"],
            headers=dict(data["headers"]),
            subprotocols=tuple(data["subprotocols"]),
            proxy=data["proxy"],
            ca_file=data["ca_file"],
            payload=Payload(data["payload"]),
            hello=tuple(data["hello"]),
            ping=None if ping is None else PingConfig(**ping),
            login=None if login is None else LoginConfig(**login),
            ack_field=data["ack_field"],
            overrides=data["overrides"],
        )


def redact_url(url: str) -> str:
    """The URL without what may be secret: user information, query values and fragment; `***` when it is no URL."""
    try:
        parts = urlsplit(url)
        # A "/" in a password ends up here as an impossible port.
        usable = parts.scheme and parts.netloc and parts.port != 0
    except ValueError:
        return "***"
    if not usable:
        return "***"
    host = parts.netloc.rpartition("@")[2]
    user = "***@" if "@" in parts.netloc else ""
    query = "?***" if parts.query else ""
    return f"{parts.scheme}://{user}{host}{parts.path}{query}"


def upstream_key(config: InstanceConfig) -> str:
    """What the gate counts as one upstream: scheme, host, port and egress. A URL that no dial accepts is its own."""
    try:
        parts = urlsplit(config.url)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        egress = "direct" if config.proxy is None else urlsplit(config.proxy).netloc.rpartition("@")[2]
    except ValueError:
        return redact_url(config.url)
    return f"{parts.scheme}://{parts.hostname}:{port} via {egress}"
