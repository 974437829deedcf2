"""The seam between an instance and what it speaks: a sans-I/O protocol, owned by exactly one actor.

A protocol receives bytes, timers, commands and answers with effects. It never reads a clock or a random source
of its own, never blocks, and lets no exception out for bad input from the peer: that is `Disconnected`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from typing import Protocol as Interface

from core.effects import ProtocolEffect

# Scheme, user information, and the host with its port, which is all that may be shown.
_HOST = re.compile(r"[a-z]+://(?:[^/?#]*@)?((?:[^/?#@:]+|\[[^/?#@]*\])(?::\d+)?)(?:[/?#]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and how to connect.

    `url`: ws:// or wss://. `proxy`: as `core.proxies` reads it, or None. `ca_file`: extra trust anchors (PEM).
    `ping_interval_s`: WebSocket-level ping, None = off. Header values may hold secrets, hence the quiet repr.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    subprotocols: tuple[str, ...] = ()
    proxy: str | None = None
    ca_file: str | None = None
    ping_interval_s: float | None = 20.0

    def __repr__(self) -> str:
        shown = _HOST.match(self.url)
        return f"Endpoint(host={shown[1] if shown else '?'!r})"


@dataclass(frozen=True, slots=True)
class SendContent:
    """Command: transmit one accepted message. `data`: the bytes stored at acceptance, the same at every retry."""

    ref: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invoke:
    """Command: something that only this protocol can do, by its name. `arguments`: JSON-able."""

    ref: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


Command = SendContent | Invoke


class Protocol(Interface):
    """What an instance actor drives; see the module's docstring for the rules."""

    def endpoint(self) -> Endpoint:
        """Where to dial next; asked before each attempt."""
        ...

    def on_open(self, now_s: float) -> list[ProtocolEffect]:
        """The socket is open: say hello, authenticate."""
        ...

    def on_message(self, data: bytes | str, now_s: float) -> list[ProtocolEffect]:
        """One whole WebSocket message: str for text, bytes for binary."""
        ...

    def on_timer(self, name: str, now_s: float) -> list[ProtocolEffect]:
        """A WakeAt of this connection is due."""
        ...

    def on_command(self, command: Command, now_s: float) -> list[ProtocolEffect]:
        """A command; answered by a Reply, now or later."""
        ...

    def on_persisted(self, batch: int, now_s: float) -> list[ProtocolEffect]:
        """Everything up to this batch is durable."""
        ...

    def on_closed(self, code: int | None, reason: str) -> list[ProtocolEffect]:
        """The socket is gone: forget what belonged to this connection; timers are cancelled by the caller."""
        ...
