"""The read model's feed: the fleet's state, pushed by the root to its subscribers."""

from dataclasses import dataclass

from core.snapshot import HostSnapshot, InstanceSnapshot


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


@dataclass(frozen=True, slots=True)
class HostStorage:
    """To the root, which does no I/O: how the host's data folder and its disk are. `ok`: they could be measured."""

    ok: bool
    data_bytes: int
    disk_free_bytes: int
    disk_free_percent: float


@dataclass(frozen=True, slots=True)
class PartAlive:
    """The heartbeat of the registry or the journal."""

    part: str
