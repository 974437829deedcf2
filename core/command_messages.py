"""Commands from outside (the web process, the CLI) to the root, each answered by one CommandReply with its `ref`."""

from dataclasses import dataclass, field
from typing import Any

from core.address import Address
from core.config import Settings
from core.instances import Desired, InstanceConfig
from core.records import TokenRecord

REROUTE = "reroute"


@dataclass(frozen=True, slots=True)
class CreateInstance:
    ref: str
    instance_id: str
    config: InstanceConfig
    desired: Desired


@dataclass(frozen=True, slots=True)
class UpdateInstance:
    """Change configuration, wanted state or both; None leaves as is."""

    ref: str
    instance_id: str
    config: InstanceConfig | None = None
    desired: Desired | None = None


@dataclass(frozen=True, slots=True)
class RemoveInstance:
    ref: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class RestartInstance:
    """Replace the instance's process; clears a quarantine."""

    ref: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class ForceRetry:
    ref: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class ResetBreaker:
    ref: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class SubmitMessage:
    """Accept a message for sending; `data`: the encoded bytes."""

    ref: str
    instance_id: str
    message_id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CreateToken:
    ref: str
    token: TokenRecord


@dataclass(frozen=True, slots=True)
class RevokeToken:
    ref: str
    token_id: str


@dataclass(frozen=True, slots=True)
class ReloadSettings:
    """Swap in settings that were validated already."""

    ref: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class PrepareStop:
    """Close every link with a Close frame and stop starting anything; answered when all are closed."""

    ref: str


@dataclass(frozen=True, slots=True)
class PingRoot:
    """Is the root alive? Answered by CommandReply with data {"pid": …, "ready": bool}."""

    ref: str


@dataclass(frozen=True, slots=True)
class CommandReply:
    """`code`: machine-readable outcome ("ok" or an error code of the API); `data`: JSON-able."""

    ref: str
    ok: bool
    code: str = "ok"
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Direct:
    """A command sent straight to the address in an instance's snapshot, past root and group.

    Answered to its sender. What only the root may decide is answered with code REROUTE: send it to the root.
    """

    command: Any


@dataclass(frozen=True, slots=True)
class Routed:
    """A command on its way down to an instance, with where to answer."""

    command: Any
    reply_to: Address
