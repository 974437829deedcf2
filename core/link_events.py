"""What can happen to a link. Events of an attempt carry its epoch; a Wake carries its timer's number.

What a protocol says may name its attempt too: with a store that answers late it may be acted on after the next dial.
"""

from dataclasses import dataclass
from math import inf

from core.failures import Failure


@dataclass(frozen=True, slots=True)
class Want:
    """The operator wants the link open."""


@dataclass(frozen=True, slots=True)
class Unwant:
    """The operator wants the link closed."""


@dataclass(frozen=True, slots=True)
class ProcessEnds:
    """The process stops, which is no wish of the operator's: what the link waits for goes on in the next one."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The gate gave a permit, good until `until_s`."""

    epoch: int
    until_s: float = inf


@dataclass(frozen=True, slots=True)
class Held:
    """The gate said: ask again within `renew_s` seconds."""

    epoch: int
    renew_s: float
    reason: str = "held by the upstream gate"


@dataclass(frozen=True, slots=True)
class UpstreamRecovered:
    """The gate saw the upstream come back: waiting for backoff or breaker has no point any more."""


@dataclass(frozen=True, slots=True)
class VersionRefused:
    """The upstream told another instance that this client version is not let in: trying has no point."""


@dataclass(frozen=True, slots=True)
class Summoned:
    """The gate needs a canary for an upstream that is down, and nobody waits for a permit."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The dial succeeded: the socket is open."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The protocol's session is up; `epoch` None = the attempt of now."""

    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The dial failed or the socket broke; its descriptor is closed."""

    epoch: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class ProtocolFailed:
    """The protocol gives up a connection whose socket is still open; `epoch` None = the attempt of now."""

    failure: Failure
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Closed:
    """The close that the link asked for is complete."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Wake:
    """A timer is due."""

    name: str
    timer: int


@dataclass(frozen=True, slots=True)
class ForceRetry:
    """The operator wants an attempt now, whatever breaker and backoff say. Ask `verdict` first."""


@dataclass(frozen=True, slots=True)
class ResetBreaker:
    """The operator clears failures, attempts and the breaker."""


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """Where or how to connect changed."""


Event = (
    Want
    | Unwant
    | ProcessEnds
    | Granted
    | Held
    | Opened
    | Authenticated
    | Lost
    | ProtocolFailed
    | Closed
    | Wake
    | UpstreamRecovered
    | VersionRefused
    | Summoned
    | ForceRetry
    | ResetBreaker
    | Reconfigured
)
