"""The sweep: the root asks its parts, they answer what they found; and what operators ask about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunCleanup:
    """Sweep now. Answered at once; the result comes with the fleet's snapshot."""

    ref: str


@dataclass(frozen=True, slots=True)
class DeleteLeftover:
    """Delete the session file of an instance that is not configured any more."""

    ref: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class PurgeSession:
    """To the registry, the root's hand on the disk: delete this session file unless a process holds its lock."""

    ref: str
    instance_id: str


@dataclass(frozen=True, slots=True)
class SweepRegistry:
    """To the registry: drop crash records and crash files older than `oldest` (epoch seconds), list the session files
    without instance."""

    number: int
    oldest: float


@dataclass(frozen=True, slots=True)
class RegistrySwept:
    """`problem`: "" when everything could be looked at."""

    number: int
    orphans: tuple[str, ...] = ()
    crash_records: int = 0
    crash_files: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SweepJournal:
    """To the journal: drop what is older or more than the settings keep; answered when that is done."""

    number: int


@dataclass(frozen=True, slots=True)
class JournalSwept:
    number: int
    events: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EndStale:
    """To a group: this process hangs in a stay that ended long ago; end it as the watchdog would."""

    instance_id: str
    pid: int
    why: str
