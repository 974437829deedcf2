"""What the web process reads beside the read model: history and tokens, by read-only queries of the store."""

from collections.abc import Collection, Sequence
from typing import Protocol as Interface

from core.records import (
    CrashRecord,
    JournalEvent,
    MessageState,
    OutboxMessage,
    TimelineEntry,
    TokenRecord,
)


class TokenSource(Interface):
    def tokens(self) -> Sequence[TokenRecord]:
        """All tokens that are stored, expired ones too."""
        ...


class History(Interface):
    """Reads may raise StoreUnavailable-like errors of the store; they become 503."""

    def events(
        self, *, after: int, limit: int, instances: Collection[str] | None, kinds: Collection[str] | None
    ) -> Sequence[JournalEvent]: ...

    def timeline(self, instance_id: str, *, limit: int, before: int | None) -> Sequence[TimelineEntry]: ...

    def crashes(self, instance_id: str) -> Sequence[CrashRecord]: ...

    def messages(
        self, instance_id: str, *, state: MessageState | None, limit: int, offset: int
    ) -> tuple[Sequence[OutboxMessage], int]: ...

    def message(self, instance_id: str, message_id: str) -> OutboxMessage | None: ...
