"""What operators configure about one instance, and its checks.

`InstanceConfig.from_dict` is the one place that knows what is allowed; the API, the CLI and the registry use it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from core.config import BreakerSettings, FailuresSettings, RetrySettings, Settings

ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MAX_TEXT = 65_536


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


class InvalidConfig(ValueError):
    """A configuration that cannot be used: `path` names the field, the text says what is allowed."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.path = path
        self.text = text


@dataclass(frozen=True, slots=True)
class PingConfig:
    """Application ping: `message` is sent every `interval_s`; with `timeout_s` any frame must follow in time."""

    message: Any
    interval_s: float = 30.0
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class LoginConfig:
    """When the session counts as authenticated.

    A message matches when every key of the (flat) mapping has that value; text payloads match by equality under
    the key `text`. `reject` parks the instance as LOGGED_OUT.
    """

    accept: Mapping[str, Any]
    reject: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class InstanceConfig:
    """One instance's configuration. Header and hello values may be secrets: `masked()` is for showing."""

    link: LinkKind = LinkKind.WEBSOCKET
    url: str = ""
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
