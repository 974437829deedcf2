"""What the web process reads beside the read model; `store.queries.Queries` is what it gets in life.

Every read may raise store.errors.StoreError, which becomes 503 (BadCursor: 400).
"""

from collections.abc import Collection, Sequence
from typing import Protocol as Interface

from core.records import (
    CrashRecord,
    MessageState,
    TimelineEntry,
    TokenRecord,
)
from store.paging import EventPage, Page
from store.rows import MessageView


class TokenSource(Interface):
    def tokens(self) -> Sequence[TokenRecord]:
        """All stored tokens, expired ones too; they may be a second old."""
        ...

    def forget_tokens(self) -> None:
        """A token was made or revoked: read them anew at the next question."""
        ...


class History(TokenSource, Interface):
    """Read-only queries of the store; callable from any thread."""

    def events(
        self,
        after: int,
        limit: int,
        instances: Collection[str] | None,
        kinds: Collection[str] | None,
        max_bytes: int,
    ) -> EventPage:
        """The events behind this journal number, oldest first; None = any instance, any kind.

        At least one, and then only as many as fit into `max_bytes` of data.
        """
        ...

    def count_events(self, instances: Collection[str] | None, kinds: Collection[str] | None) -> int: ...

    def last_event(self) -> int:
        """The journal's last number, 0 before the first."""
        ...

    def is_lost(self, number: int) -> bool:
        """Whether this journal number was given out by a damaged journal that another one has replaced."""
        ...

    def timeline(self, instance_id: str, after: str | None, limit: int) -> Page[TimelineEntry]:
        """Newest first, behind the opaque cursor `after`."""
        ...

    def crashes(self, instance_id: str, after: str | None, limit: int) -> Page[CrashRecord]:
        """Newest first, behind the opaque cursor `after`; few are kept."""
        ...

    def messages(
        self, instance_id: str, state: MessageState | None, after: str | None, limit: int
    ) -> Page[MessageView]:
        """Newest first, behind the opaque cursor `after`."""
        ...

    def message(self, instance_id: str, message_id: str) -> MessageView | None: ...
