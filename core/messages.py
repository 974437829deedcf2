"""Every message between actors, and between the web process and the root: the system's internal API.

Commands are imperative, facts past tense. A command carries `ref`, the correlation id of its answer; everything
about one instance carries its id, and its process's epoch where a stale sender must be told from the living one.
Handlers are idempotent: Thespian may deliver a message twice. Addresses are Thespian's, opaque here.
"""

from dataclasses import dataclass, field
from typing import Any

from core.config import Settings
from core.instances import Desired, InstanceConfig
from core.records import CrashRecord, InstanceRecord, StoredEvent, TokenRecord
from core.snapshot import HostSnapshot, InstanceSnapshot

Address = Any

# ── commands from outside, answered by CommandReply ──────────────────────────────────────────────────────────────


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
class Routed:
    """A command on its way down to an instance, with where to answer."""

    command: Any
    reply_to: Address


# ── the read model's feed ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Send me the fleet; renewed every few seconds. `have_seq`: the last sequence number seen, 0 = none."""

    ref: str
    have_seq: int


@dataclass(frozen=True, slots=True)
class FleetSnapshot:
    """Everything; sequence numbers start anew (`feed` tells one root's life from the next)."""

    feed: str
    seq: int
    at: float
    host: HostSnapshot
    instances: tuple[InstanceSnapshot, ...]


@dataclass(frozen=True, slots=True)
class FleetDelta:
    """What changed since `seq - 1`; a gap means a lost push: subscribe again with have_seq 0."""

    feed: str
    seq: int
    at: float
    host: HostSnapshot
    changed: tuple[InstanceSnapshot, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JournalAdvanced:
    """The journal's last committed number, pushed to subscribers."""

    number: int


# ── registry ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OpenRegistry:
    """First message to the registry: where its database is."""

    url: str


@dataclass(frozen=True, slots=True)
class RegistryLoaded:
    records: tuple[InstanceRecord, ...]


@dataclass(frozen=True, slots=True)
class RegistryBroken:
    """The registry's store cannot be used; the text says what to do."""

    text: str


@dataclass(frozen=True, slots=True)
class SaveInstance:
    ref: str
    record: InstanceRecord


@dataclass(frozen=True, slots=True)
class DeleteInstance:
    ref: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class SaveToken:
    ref: str
    token: TokenRecord


@dataclass(frozen=True, slots=True)
class DeleteToken:
    ref: str
    token_id: str


@dataclass(frozen=True, slots=True)
class SaveCrash:
    record: CrashRecord


@dataclass(frozen=True, slots=True)
class RegistryDone:
    """The write `ref` is durable; `found` False when there was nothing to change."""

    ref: str
    found: bool = True


@dataclass(frozen=True, slots=True)
class RegistryFailed:
    ref: str
    code: str
    text: str


# ── root, groups, instances ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class StartRoot:
    """First message to the root: everything it needs to build the tree."""

    settings: Settings
    data_dir: str
    log_dir: str
    host: str


@dataclass(frozen=True, slots=True)
class ConfigureGroup:
    name: str
    settings: Settings
    data_dir: str
    log_dir: str
    host: str
    journal: Address


@dataclass(frozen=True, slots=True)
class PlaceInstance:
    """Run this instance, or take over its new record."""

    record: InstanceRecord


@dataclass(frozen=True, slots=True)
class DropInstance:
    """Stop the instance for good; `purge` deletes its session store. Answered by InstanceDropped."""

    instance_id: str
    purge: bool


@dataclass(frozen=True, slots=True)
class InstanceDropped:
    instance_id: str


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    settings: Settings


@dataclass(frozen=True, slots=True)
class JournalMoved:
    """The journal was restarted; its new address."""

    journal: Address


@dataclass(frozen=True, slots=True)
class ConfigureInstance:
    """First message to an instance, and again whenever its record changed."""

    record: InstanceRecord
    settings: Settings
    data_dir: str
    log_dir: str
    host: str
    journal: Address
    restarts: int


@dataclass(frozen=True, slots=True)
class StopInstance:
    """Close the link with a Close frame, commit, exit; `purge` deletes the session store."""

    purge: bool


@dataclass(frozen=True, slots=True)
class InstanceReport:
    """An instance's state: at each change, and as its heartbeat."""

    snapshot: InstanceSnapshot


@dataclass(frozen=True, slots=True)
class InstanceStopped:
    """The instance closed its link and store and is about to exit."""

    instance_id: str
    pid: int


@dataclass(frozen=True, slots=True)
class InstanceCrashed:
    record: CrashRecord
    quarantine: str | None


@dataclass(frozen=True, slots=True)
class GroupReport:
    """Merged reports of one group since the last one."""

    group: str
    changed: tuple[InstanceSnapshot, ...]


@dataclass(frozen=True, slots=True)
class GroupStopped:
    group: str


@dataclass(frozen=True, slots=True)
class PermitRequest:
    """May this instance dial `upstream`? Answered at once by PermitGranted or PermitHeld."""

    instance_id: str
    upstream: str
    epoch: int
    probe: bool


@dataclass(frozen=True, slots=True)
class PermitGranted:
    """Valid for `valid_s` seconds."""

    instance_id: str
    epoch: int
    valid_s: float


@dataclass(frozen=True, slots=True)
class PermitHeld:
    """Not now: ask again within `renew_s` seconds."""

    instance_id: str
    epoch: int
    renew_s: float


# ── journal ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OpenJournal:
    url: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class JournalOpened:
    last_number: int


@dataclass(frozen=True, slots=True)
class JournalBroken:
    text: str


@dataclass(frozen=True, slots=True)
class WatchJournal:
    """Push JournalAdvanced to `subscriber` for the next 15 s."""

    subscriber: Address


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events of one stream, numbers ascending without gaps; at most one unacknowledged per instance."""

    instance_id: str
    stream: str
    events: tuple[StoredEvent, ...]


@dataclass(frozen=True, slots=True)
class EventsStored:
    """Everything of the stream up to this number is in the journal."""

    stream: str
    up_to: int
