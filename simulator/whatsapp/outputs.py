"""What the server wants done, as values; the shell acts on them in order."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Write:
    """One WebSocket message to a connection."""

    link: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hangup:
    """End a connection; nothing of it is heard afterwards. `abort`: without a closing handshake, as a lost network."""

    link: int
    abort: bool = False


@dataclass(frozen=True, slots=True)
class Save:
    """Make a row durable before what follows; `value` None deletes it."""

    space: str
    key: str
    value: bytes | None = field(repr=False)


Output = Write | Hangup | Save
