"""A client whose process dies at a commit of its choice, over any durable store.

What an instance does: changes and events of a turn are one transaction; everything else comes after it, and does not
come when the process dies first.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from core.effects import Change, Emit, Persist, ProtocolEffect
from store.codec import from_json
from store.session import Batch, SessionStore
from tests.whatsapp.scripted_client import Client
from tests.whatsapp.scripted_server import WALL_S
from whatsapp.state import MemoryState

Row = tuple[str, str, bytes]


class Durable(ABC):
    """What survives a process."""

    @abstractmethod
    def rows(self) -> Iterable[Row]:
        """All protocol state, as a new process reads it."""

    @abstractmethod
    def commit(self, changes: list[Change], events: list[Emit]) -> None:
        """One transaction."""

    @abstractmethod
    def events(self) -> list[tuple[str, dict[str, object]]]:
        """Every event ever committed, in order."""


class InMemory(Durable):
    def __init__(self) -> None:
        self._state = MemoryState()
        self._events: list[tuple[str, dict[str, object]]] = []

    def rows(self) -> Iterable[Row]:
        return list(self._state.rows())

    def commit(self, changes: list[Change], events: list[Emit]) -> None:
        self._state.apply(changes)
        self._events += [(event.kind, dict(event.data)) for event in events]

    def events(self) -> list[tuple[str, dict[str, object]]]:
        return self._events


class InSessionFile(Durable):
    """SQLite, as an instance has it. Every look at it is a new opening of the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: SessionStore | None = None

    def _opened(self) -> SessionStore:
        if self._store is None:
            self._store = SessionStore.open(self._path, WALL_S)
        return self._store

    def rows(self) -> Iterable[Row]:
        self.close()
        return [(space, key, value) for (space, key), value in self._opened().load().entries.items()]

    def commit(self, changes: list[Change], events: list[Emit]) -> None:
        self._opened().commit(Batch(changes, [(one.kind, dict(one.data), WALL_S) for one in events]))

    def events(self) -> list[tuple[str, dict[str, object]]]:
        self.close()
        _, stored = self._opened().unsent(100_000)
        return [(event.kind, from_json(event.data)) for event in stored]

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None


class Died(Exception):
    """The process is gone."""


@dataclass
class Mortal(Client):
    """`dies_at`: the commit after which nothing more happens, counted from 1; None: it lives."""

    durable: Durable = field(default_factory=InMemory)
    dies_at: int | None = None
    commits: int = 0

    def start_process(self) -> None:
        self.stored = MemoryState.load(self.durable.rows())
        super().start_process()

    def act(self, effects: list[ProtocolEffect]) -> None:
        changes = [change for one in effects if isinstance(one, Persist) for change in one.changes]
        events = [one for one in effects if isinstance(one, Emit)]
        if changes or events:
            self.durable.commit(changes, events)
            self.commits += 1
            if self.commits == self.dies_at:
                raise Died
        super().act(effects)
