"""What the web process reads beside the read model: history and tokens, by read-only queries of the store."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from typing import Protocol as Interface

from core.records import (
    CrashRecord,
    JournalEvent,
    MessageState,
    OutboxMessage,
    TimelineEntry,
    TokenRecord,
)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Slice(Generic[Item]):
    """Some items of a list, the position to go on behind them (None at the end), and how many match in all."""

    items: Sequence[Item]
    next: str | None
    total: int


class TokenSource(Interface):
    def tokens(self) -> Sequence[TokenRecord]:
        """All tokens that are stored, expired ones too."""
        ...


class History(Interface):
    """Every read may raise store.errors.StoreError, which becomes 503. Positions are opaque to the web process."""

    def events(
        self, after: int, limit: int, instances: Collection[str] | None, kinds: Collection[str] | None
    ) -> Sequence[JournalEvent]:
        """The events behind this journal number, oldest first; None = any instance, any kind."""
        ...

    def count_events(self, instances: Collection[str] | None, kinds: Collection[str] | None) -> int: ...

    def last_event(self) -> int:
        """The journal's last number, 0 when it is empty."""
        ...

    def timeline(self, instance_id: str, after: str | None, limit: int) -> Slice[TimelineEntry]:
        """Newest first."""
        ...

    def crashes(self, instance_id: str) -> Sequence[CrashRecord]:
        """Newest first; all that are kept."""
        ...

    def messages(
        self, instance_id: str, state: MessageState | None, after: str | None, limit: int
    ) -> Slice[OutboxMessage]:
        """Newest first."""
        ...

    def message(self, instance_id: str, message_id: str) -> OutboxMessage | None: ...
