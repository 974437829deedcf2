"""Stored protocol state: small byte values under (space, key), changed in transactions.

A reader of any kind (memory, SQLite) is the base; a `Transaction` is an overlay on it that collects changes. The
caller turns the changes of one transaction into one `Persist` effect in front of the effects that depend on it;
a transaction that is dropped never happened. Transactions nest: one may be the base of another.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol as Interface

from core.effects import Change
from whatsapp.errors import LocalProtocolError, StateLimitError

MAX_KEY_CHARS = 256
MAX_VALUE_BYTES = 1 << 20
MAX_ENTRIES = 100_000  # per space; far above what one account collects (812 pre-keys, some thousand devices)
SEQUENCE_BYTES = 8


class StateReader(Interface):
    """Anything that answers reads; values are immutable."""

    def get(self, space: str, key: str) -> bytes | None:
        """The value, or None when absent."""
        ...

    def keys(self, space: str) -> Iterable[str]:
        """The keys of one space, in no particular order."""
        ...

    def count(self, space: str) -> int:
        """How many keys the space holds."""
        ...


class StateWriter(StateReader, Interface):
    """What the layers change state through: in practice always a `Transaction`."""

    def put(self, space: str, key: str, value: bytes) -> None:
        """Set a value; raises StateLimitError beyond the limits."""
        ...

    def delete(self, space: str, key: str) -> None:
        """Remove a value; absent is fine."""
        ...


@dataclass(slots=True)
class MemoryState:
    """All state of one session in memory: the working copy, loaded once from the durable store."""

    spaces: dict[str, dict[str, bytes]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, rows: Iterable[tuple[str, str, bytes]]) -> "MemoryState":
        """From stored (space, key, value) rows."""
        state = cls()
        for space, key, value in rows:
            state.spaces.setdefault(space, {})[key] = value
        return state

    def get(self, space: str, key: str) -> bytes | None:
        return self.spaces.get(space, {}).get(key)

    def keys(self, space: str) -> Iterable[str]:
        return tuple(self.spaces.get(space, ()))

    def count(self, space: str) -> int:
        return len(self.spaces.get(space, ()))

    def rows(self) -> Iterator[tuple[str, str, bytes]]:
        """Every stored value, for export and tests."""
        for space, values in self.spaces.items():
            for key, value in values.items():
                yield space, key, value

    def apply(self, changes: Iterable[Change]) -> None:
        """Make changes visible to every later read."""
        for change in changes:
            values = self.spaces.setdefault(change.space, {})
            if change.value is None:
                values.pop(change.key, None)
            else:
                values[change.key] = change.value

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """A transaction that is applied when the block ends, and dropped when it raises.

        `Persist(transaction.changes())`, afterwards, is the effect that makes it durable.
        """
        transaction = Transaction(self)
        yield transaction
        self.apply(transaction.changes())


class Transaction:
    """An overlay that collects changes; nothing reaches the base before `changes()` are applied to it."""

    __slots__ = ("_base", "_changes", "_grown")

    def __init__(self, base: StateReader) -> None:
        self._base = base
        self._changes: dict[tuple[str, str], bytes | None] = {}
        self._grown: dict[str, int] = {}  # entries added minus entries removed, by space

    def get(self, space: str, key: str) -> bytes | None:
        try:
            return self._changes[space, key]
        except KeyError:
            return self._base.get(space, key)

    def keys(self, space: str) -> Iterable[str]:
        keys = dict.fromkeys(self._base.keys(space))
        for (changed_space, key), value in self._changes.items():
            if changed_space == space:
                if value is None:
                    keys.pop(key, None)
                else:
                    keys[key] = None
        return tuple(keys)

    def count(self, space: str) -> int:
        return self._base.count(space) + self._grown.get(space, 0)

    def put(self, space: str, key: str, value: bytes) -> None:
        """Set a value; raises StateLimitError for a key, a value or a space that grows too large."""
        if len(key) > MAX_KEY_CHARS or len(space) > MAX_KEY_CHARS:
            raise StateLimitError(
                f"state key of {len(key)} characters in {space[:40]!r}, at most {MAX_KEY_CHARS}"
            )
        if len(value) > MAX_VALUE_BYTES:
            raise StateLimitError(
                f"state value of {len(value)} bytes in {space!r}, at most {MAX_VALUE_BYTES}"
            )
        if self.get(space, key) is None:
            if self.count(space) >= MAX_ENTRIES:
                raise StateLimitError(f"more than {MAX_ENTRIES} entries in state space {space!r}")
            self._grown[space] = self._grown.get(space, 0) + 1
        self._changes[space, key] = bytes(value)

    def delete(self, space: str, key: str) -> None:
        if self.get(space, key) is not None:
            self._grown[space] = self._grown.get(space, 0) - 1
            self._changes[space, key] = None

    def changes(self) -> tuple[Change, ...]:
        """What this transaction changed, in order of first change; empty when nothing did."""
        return tuple(Change(space, key, value) for (space, key), value in self._changes.items())

    @contextmanager
    def nested(self) -> Iterator["Transaction"]:
        """A savepoint: its changes join this transaction when the block ends, and vanish when it raises."""
        inner = Transaction(self)
        yield inner
        for change in inner.changes():
            if change.value is None:
                self.delete(change.space, change.key)
            else:
                self.put(change.space, change.key, change.value)


@dataclass(frozen=True, slots=True)
class Recent:
    """A space that keeps about the last `limit` entries: sent messages, ids of processed ones.

    Values carry an 8-byte sequence number in front, so that the oldest are known after a reload, too. Dropping
    happens in batches of an eighth, which keeps the cost of a put constant on average. `limit_bytes`: of all values
    together, for spaces whose values differ much in size; the newest entry stays even when it alone is larger.
    """

    space: str
    limit: int
    limit_bytes: int | None = None

    def get(self, state: StateReader, key: str) -> bytes | None:
        """The value put under `key`, or None when it was never put or is too old."""
        stored = state.get(self.space, key)
        return None if stored is None else stored[SEQUENCE_BYTES:]

    def put(self, state: StateWriter, key: str, value: bytes = b"") -> None:
        """Add or refresh an entry; beyond the limit the oldest ones go. The empty key is taken."""
        if not key:
            raise LocalProtocolError("the empty key is reserved in a Recent space")
        sequence = int.from_bytes(state.get(self.space, "") or b"", "big") + 1
        number = sequence.to_bytes(SEQUENCE_BYTES, "big")
        state.put(self.space, "", number)
        state.put(self.space, key, number + value)
        if state.count(self.space) - 1 > self.limit + self.limit // 8:
            self._drop_oldest(state)
        if self.limit_bytes is not None:
            self._make_room(state, self.limit_bytes)

    def _oldest_first(self, state: StateReader) -> list[tuple[str, bytes]]:
        entries = [(key, state.get(self.space, key) or b"") for key in state.keys(self.space) if key]
        return sorted(entries, key=lambda entry: entry[1][:SEQUENCE_BYTES])

    def _drop_oldest(self, state: StateWriter) -> None:
        entries = self._oldest_first(state)
        for key, _ in entries[: len(entries) - self.limit]:
            state.delete(self.space, key)

    def _make_room(self, state: StateWriter, limit_bytes: int) -> None:
        """The oldest go until the rest fits."""
        entries = self._oldest_first(state)
        total = sum(len(value) for _, value in entries)
        for key, value in entries[:-1]:
            if total <= limit_bytes:
                return
            state.delete(self.space, key)
            total -= len(value)
