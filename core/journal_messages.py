"""Between instances, the journal and those who watch it."""

from dataclasses import dataclass

from core.address import Address
from core.config import Settings
from core.records import StoredEvent


@dataclass(frozen=True, slots=True)
class OpenJournal:
    """First message to the journal, and again when its settings change."""

    data_dir: str
    log_dir: str
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
