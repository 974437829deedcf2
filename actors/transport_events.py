"""What a transport tells its instance: frozen values, one per fact, each with the epoch of its connection."""

from dataclasses import dataclass, field
from enum import Enum

from core.failures import Failure


class TransportState(Enum):
    IDLE = "idle"
    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Opened:
    """The upgrade is done. `subprotocol`: the one that the server chose, None when it chose none."""

    epoch: int
    subprotocol: str | None


@dataclass(frozen=True, slots=True)
class Received:
    """One whole message: str for text (valid UTF-8), bytes for binary."""

    epoch: int
    data: bytes | str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lost:
    """The dial failed or the link broke; the descriptor is closed.

    `code`, `reason`: of the Close frame that ended the link, the peer's or, after a violation, ours; else None, "".
    """

    epoch: int
    failure: Failure
    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A `close()` is finished, exactly one for each; the descriptor is closed. `code`, `reason`: the peer's."""

    epoch: int
    code: int | None
    reason: str


TransportEvent = Opened | Received | Lost | Closed
