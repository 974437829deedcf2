"""What a decision wants done, as values. Deciders return them in order; one interpreter per actor acts on them.

Two families: what a protocol wants (`ProtocolEffect`) and what a link wants (`LinkEffect`).
A `Persist` and every `Emit` of one drain become durable in one transaction; the effects behind them wait for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.failures import Failure, FailureKind


@dataclass(frozen=True, slots=True)
class Change:
    """One change of protocol state: `value` None deletes (space, key)."""

    space: str
    key: str
    value: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Persist:
    """Make these changes durable before any effect behind this one happens."""

    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """One WebSocket message to the upstream; `text` chooses the opcode (text or binary)."""

    data: bytes = field(repr=False)
    text: bool = False


@dataclass(frozen=True, slots=True)
class Emit:
    """An application event. `kind`: dotted lower-case name; `data`: JSON-able, string keys."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `on_timer(name)` at `at_s` (monotonic); a later WakeAt of the same name replaces it."""

    name: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The session is up: the link is open from here on."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The protocol gives the connection up; the failure says what happens next."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of the command `ref`: None = done, else why it failed and whether trying again can help."""

    ref: str
    error: str | None = None
    retry: bool = False
    data: Mapping[str, Any] = field(default_factory=dict)


ProtocolEffect = Persist | Send | Emit | WakeAt | Authenticated | Disconnected | Reply


@dataclass(frozen=True, slots=True)
class AskPermit:
    """Ask the gate for a dial; answered by Granted or Held. `probe`: a half-open breaker's only try."""

    epoch: int
    probe: bool


@dataclass(frozen=True, slots=True)
class ReportDial:
    """Tell the gate how an attempt went: `failed` None = the session is up."""

    failed: FailureKind | None


@dataclass(frozen=True, slots=True)
class Dial:
    """Start a connection attempt; its events carry `epoch`."""

    epoch: int


@dataclass(frozen=True, slots=True)
class CloseTransport:
    """Close the socket, whatever its state; answered by exactly one Closed(epoch)."""

    epoch: int
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class WakeLink:
    """Send `Wake(name, timer)` to the link at `at_s` (monotonic)."""

    name: str
    timer: int
    at_s: float


@dataclass(frozen=True, slots=True)
class Record:
    """Something operators should see: one log line, one timeline entry, one event.

    `event`: stable name, as in `core.loglines` and link.*; `level`: DEBUG, INFO, WARN or ERROR;
    `fields`: JSON-able facts such as delay_s, attempt, failures, reason.
    """

    event: str
    level: str = "INFO"
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publish:
    """The link's visible state changed: tell the supervisors and store what must survive."""


LinkEffect = AskPermit | ReportDial | Dial | CloseTransport | WakeLink | Record | Publish
