"""PlainProtocol: any WebSocket that carries text, JSON, msgpack or binary messages.

Optional, by configuration: hello messages on open, a login matcher, an application ping, and acknowledgements:
with `ack_field`, each message that has the field is answered by {"ack": its value} once it is durable here.
"""

from collections.abc import Mapping
from typing import Any

from core import payload
from core.effects import Authenticated, Disconnected, Emit, ProtocolEffect, Reply, Send, WakeAt
from core.failures import Failure, FailureKind
from core.instances import InstanceConfig
from core.payload import InvalidContent, Pack, Unpack
from core.protocol import Command, Endpoint, Invoke


class PlainProtocol:
    """A plain WebSocket upstream. `pack`, `unpack`: msgpack's functions, for core has the standard library only."""

    def __init__(self, config: InstanceConfig, pack: Pack, unpack: Unpack, ping_interval_s: float) -> None:
        self._config = config
        self._pack = pack
        self._unpack = unpack
        self._ping_interval_s = ping_interval_s
        self._authenticated = False
        self._last_heard_s = 0.0
        self._pinged_s = 0.0
        self._ping: Send | None = None

    def endpoint(self) -> Endpoint:
        config = self._config
        return Endpoint(
            url=config.url,
            headers=tuple(config.headers.items()),
            subprotocols=config.subprotocols,
            proxy=config.proxy,
            ca_file=config.ca_file,
            ping_interval_s=self._ping_interval_s,
        )

    def on_open(self, now_s: float) -> list[ProtocolEffect]:
        self._authenticated = self._config.login is None
        self._last_heard_s = self._pinged_s = now_s
        ping = self._config.ping
        try:
            effects: list[ProtocolEffect] = [self._send(message) for message in self._config.hello]
            self._ping = None if ping is None else self._send(ping.message)
        except InvalidContent as error:
            return [Disconnected(Failure(FailureKind.CONFIG, f"hello or ping message: {error}"))]
        if self._authenticated:
            effects.append(Authenticated())
        if ping is not None:
            effects.append(WakeAt("ping", now_s + ping.interval_s))
        return effects

    def on_message(self, data: bytes | str, now_s: float) -> list[ProtocolEffect]:
        self._last_heard_s = now_s
        try:
            content = payload.decode(self._config.payload, data, self._unpack)
        except InvalidContent as error:
            return self._undecodable(data, str(error))
        if (answer := self._login(content)) is not None:
            return answer
        received: list[ProtocolEffect] = [Emit("message.received", {"content": content})]
        return received + self._acknowledge(content)

    def on_timer(self, name: str, now_s: float) -> list[ProtocolEffect]:
        ping, message = self._config.ping, self._ping
        if ping is None or message is None:
            return []
        answered = self._last_heard_s >= self._pinged_s
        if name == "pong" and not answered:
            return [Disconnected(Failure(FailureKind.TIMEOUT, "application ping was not answered"))]
        if name != "ping":
            return []
        effects: list[ProtocolEffect] = [message, WakeAt("ping", now_s + ping.interval_s)]
        # An unanswered ping keeps its deadline, or a timeout longer than the interval would never come.
        if ping.timeout_s is not None and answered:
            self._pinged_s = now_s
            effects.append(WakeAt("pong", now_s + ping.timeout_s))
        return effects

    def on_command(self, command: Command, now_s: float) -> list[ProtocolEffect]:
        if isinstance(command, Invoke):
            return [Reply(command.ref, "a plain WebSocket knows no commands but sending")]
        if not self._authenticated:
            return [Reply(command.ref, "the session is not open", retry=True)]
        return [Send(command.data, payload.is_text(self._config.payload)), Reply(command.ref)]

    def on_persisted(self, batch: int, now_s: float) -> list[ProtocolEffect]:
        return []

    def on_closed(self, code: int | None, reason: str) -> list[ProtocolEffect]:
        self._authenticated = False
        return []

    def _send(self, content: Any) -> Send:
        return Send(
            payload.encode(self._config.payload, content, self._pack), payload.is_text(self._config.payload)
        )

    def _login(self, content: Any) -> list[ProtocolEffect] | None:
        """What the login matcher says of this message; None when it is an ordinary one."""
        login = self._config.login
        if login is None:
            return None
        if login.reject is not None and matches(login.reject, content):
            rejected = Failure(FailureKind.LOGGED_OUT, "the upstream rejected the login", again=True)
            return [Disconnected(rejected)]
        if not self._authenticated and matches(login.accept, content):
            self._authenticated = True
            return [Authenticated()]
        return None

    def _acknowledge(self, content: Any) -> list[ProtocolEffect]:
        field = self._config.ack_field
        if field is None or not isinstance(content, Mapping) or field not in content:
            return []
        return [self._send({"ack": content[field]})]

    def _undecodable(self, data: bytes | str, why: str) -> list[ProtocolEffect]:
        """Nothing that arrived is dropped: the application gets the raw bytes and the reason."""
        raw = payload.to_base64(payload.to_bytes(data))
        return [Emit("message.undecodable", {"content_base64": raw, "error": why})]


def matches(pattern: Mapping[str, Any], content: Any) -> bool:
    """True when every key of the pattern has its value in the message; a text message is matched as {"text": …}."""
    fields: Mapping[str, Any] = content if isinstance(content, Mapping) else {"text": content}
    return all(key in fields and _same(fields[key], value) for key, value in pattern.items())


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON: Python alone would take true for 1."""
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)
