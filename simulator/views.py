"""What the simulator reports, as frozen values: the server fills them in, the client gets the same classes back.

Times ending in `_at` are epoch seconds of the simulator's clock, which is this machine's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SocketView:
    """One TCP connection of an instance, from its handshake request on.

    `number`: counts this listener's dials. `opened_at`: when the handshake was accepted. `session_at`: when the
    session began (see InstanceSummary). `close_code`, `close_reason`: the client's Close frame (1005: without a
    code); None without one. `ended_by`: "client" or "simulator". `violation`: how the client broke RFC 6455.
    """

    number: int
    dialled_at: float
    opened_at: float | None
    session_at: float | None
    closed_at: float | None
    close_code: int | None
    close_reason: str | None
    ended_by: str | None
    violation: str | None


@dataclass(frozen=True, slots=True)
class MessageView:
    """One received message, cut to 64 KiB. Exactly one of `text` and `base64` is set; `socket`: its number."""

    at: float
    socket: int
    size_bytes: int
    text: str | None
    base64: str | None


@dataclass(frozen=True, slots=True)
class InstanceSummary:
    """The counters of one instance.

    `sockets`: TCP connections since the handshake request; `open`: accepted WebSockets; `sessions`: logged in
    (without `login_required`: the same as open). `…_max`: the most at one time. `stale_frames`: messages from a
    socket after a newer one of the instance had its session. `sent`: events 1…sent were sent.
    `acknowledged`: how many different ones were acknowledged; `acks_repeated`, `acks_unknown`: the other acks.
    """

    sockets_now: int
    sockets_max: int
    open_now: int
    open_max: int
    sessions_now: int
    sessions_max: int
    dials: int
    opened: int
    received: int
    pings: int
    stale_frames: int
    violations: int
    sent: int
    skipped: int
    acknowledged: int
    acks_repeated: int
    acks_unknown: int
    bytes_in: int
    bytes_out: int


@dataclass(frozen=True, slots=True)
class InstanceView(InstanceSummary):
    """All about one instance; the lists hold the newest entries only.

    `fault`: the one in force for it. `acknowledged_ranges`: [first, last] pairs, ascending.
    `path`, `headers`: the last handshake request.
    """

    instance: str
    fault: Mapping[str, Any]
    dialled_at: tuple[float, ...]
    sockets: tuple[SocketView, ...]
    messages: tuple[MessageView, ...]
    acknowledged_ranges: tuple[tuple[int, int], ...]
    path: str
    headers: Mapping[str, str]

    @property
    def acknowledged_ids(self) -> set[int]:
        return {n for first, last in self.acknowledged_ranges for n in range(first, last + 1)}

    @property
    def texts(self) -> list[str]:
        """The received text messages, oldest first."""
        return [message.text for message in self.messages if message.text is not None]


@dataclass(frozen=True, slots=True)
class ListenerStats:
    """The counters of a listener and of all its instances.

    `dials`: accepted TCP connections (an uncounted refusal is not seen); `unidentified`: those that never sent a
    handshake request. `dials_per_s_max`: the most dials in any second; `dials_by_second`: [epoch second, dials].
    """

    port: int
    fault: Mapping[str, Any]
    listening: bool
    dials: int
    dials_per_s_max: int
    dials_by_second: tuple[tuple[int, int], ...]
    opened: int
    unidentified: int
    sockets_now: int
    sockets_max: int
    open_now: int
    open_max: int
    sessions_now: int
    sessions_max: int
    received: int
    sent: int
    bytes_in: int
    bytes_out: int
    instances: Mapping[str, InstanceSummary]


@dataclass(frozen=True, slots=True)
class PushView:
    """A running or ended push. `sent`, `skipped`: events; skipped = no session, silent, or the client too slow."""

    push: int
    sent: int
    skipped: int
    done: bool


@dataclass(frozen=True, slots=True)
class ProxyStats:
    """The counters of a fault proxy. `connections`: accepted; `tunnels`: connected to the target.

    `rejected`: CONNECT requests refused (credentials, status, bad request); `unreachable`: target not reached;
    `broken`: connections that ended by an error on either side.
    """

    port: int
    settings: Mapping[str, Any]
    connections: int
    connections_now: int
    tunnels: int
    rejected: int
    unreachable: int
    broken: int
    bytes_to_target: int
    bytes_to_client: int
    targets: Mapping[str, int]


def to_json(view: Any) -> Any:
    """The JSON form of a view. Not `asdict`: its deep copies take 10 times as long for 1,000 instances."""
    if isinstance(view, Mapping):
        return {key: to_json(item) for key, item in view.items()}
    kind: Any = type(view)
    names = _names(kind)
    if names is not None:
        return {name: to_json(getattr(view, name)) for name in names}
    return [to_json(item) for item in view] if isinstance(view, tuple) else view


@cache
def _names(kind: Any) -> tuple[str, ...] | None:
    """The fields of a dataclass, None for other types."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None


def from_json(view: type[T], raw: Mapping[str, Any]) -> T:
    """The view that `to_json` wrote; lists become tuples again. Raises KeyError when a field is missing."""
    values = {field.name: _restored(field.name, raw[field.name]) for field in fields(view)}  # type: ignore[arg-type]
    return view(**values)


def _restored(name: str, value: Any) -> Any:
    match name:
        case "sockets":
            return tuple(from_json(SocketView, item) for item in value)
        case "messages":
            return tuple(from_json(MessageView, item) for item in value)
        case "instances":
            return {key: from_json(InstanceSummary, item) for key, item in value.items()}
        case _ if isinstance(value, list):
            return tuple(tuple(item) if isinstance(item, list) else item for item in value)
        case _:
            return value
