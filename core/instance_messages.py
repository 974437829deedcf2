"""Between the root, the groups and the instances: placing, configuring, reporting, stopping, permits to dial."""

from dataclasses import dataclass

from core.address import Address
from core.config import Settings
from core.failures import FailureKind
from core.records import CrashRecord, InstanceRecord
from core.snapshot import InstanceSnapshot


@dataclass(frozen=True, slots=True)
class StartRoot:
    """First message to the root: everything it needs to build the tree. `started_at`: of the server (epoch seconds),
    which outlives roots. `version`: of this program."""

    settings: Settings
    data_dir: str
    log_dir: str
    host: str
    started_at: float
    version: str = ""


@dataclass(frozen=True, slots=True)
class ConfigureGroup:
    """First message to a group. `started_at`: of the server (epoch seconds)."""

    name: str
    started_at: float
    settings: Settings
    data_dir: str
    log_dir: str
    host: str
    journal: Address
    version: str = ""


@dataclass(frozen=True, slots=True)
class PlaceInstance:
    """Run this instance, or take over its new record. `known`: how it was last seen by the root.

    `fresh`: a removed instance had this id until just now.
    """

    record: InstanceRecord
    known: InstanceSnapshot | None = None
    fresh: bool = False


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
    """First message to an instance, and again whenever its record changed.

    `started_at`: of the server (epoch seconds). `last_seen`: when the process before this one last reported, and
    whether its link was open then. `fresh`: a removed instance had this id, and its session file may be left.
    """

    record: InstanceRecord
    settings: Settings
    data_dir: str
    log_dir: str
    host: str
    journal: Address
    restarts: int
    started_at: float
    last_seen: tuple[float, bool] | None = None
    fresh: bool = False
    version: str = ""


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
class StopGroup:
    """Stop every instance, then report GroupStopped."""


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
class DialEnded:
    """How an attempt went: `failed` None = the session is up."""

    instance_id: str
    upstream: str
    failed: FailureKind | None


@dataclass(frozen=True, slots=True)
class UpstreamDown:
    """The gate judges an upstream to be down: its instances count the time as an outage."""

    upstream: str


@dataclass(frozen=True, slots=True)
class UpstreamBack:
    """An upstream that was down let a canary in: its instances may try at once."""

    upstream: str


@dataclass(frozen=True, slots=True)
class UpstreamClosed:
    """An upstream refuses this client version: its instances that wait to dial are parked; `instance_id`: this one."""

    upstream: str
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class SummonCanary:
    """Ask for a permit now, whatever backoff or breaker say: the upstream is down and nobody else waits to try."""

    instance_id: str


@dataclass(frozen=True, slots=True)
class PermitGranted:
    """Valid until `until_s` on the host's monotonic clock; then the instance has to ask again."""

    instance_id: str
    epoch: int
    until_s: float


@dataclass(frozen=True, slots=True)
class PermitHeld:
    """Not now: ask again within `renew_s` seconds."""

    instance_id: str
    epoch: int
    renew_s: float
    reason: str
