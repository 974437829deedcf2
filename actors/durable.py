"""Durable first: what must be stored before the effects behind it may happen.

Each turn of an instance hands over one batch and the effects that wait for it. Batches become durable in order; their
effects run in order. The local store answers at once; a store elsewhere answers later through `persisted`.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from store.errors import StoreFailed
from store.session import Batch


class StorePort(Protocol):
    """Where batches go. Returns True when durable on return, False when `persisted` will tell; raises StoreFailed."""

    def submit(self, number: int, batch: Batch) -> bool: ...


class DurableQueue:
    """Batches on their way to the store, each with the effects behind it. `run` executes one effect."""

    def __init__(self, store: StorePort, run: Callable[[Any], None]) -> None:
        self._store = store
        self._run = run
        self._queue: deque[tuple[int, Batch, Sequence[Any]]] = deque()
        self._submitted = 0
        self._next = 1
        self.failure: StoreFailed | None = None

    @property
    def waiting(self) -> bool:
        """True while effects wait for the store."""
        return bool(self._queue)

    def add(self, batch: Batch, effects: Sequence[Any]) -> None:
        """One turn's batch and effects. An empty batch waits only for the batches before it."""
        if not self._queue and not batch:
            self._execute(effects)
            return
        self._queue.append((self._next, batch, effects))
        self._next += 1
        self.submit()

    def submit(self) -> None:
        """Hand waiting batches to the store; call again after a failure, which is kept in `failure`."""
        for number, batch, _ in tuple(self._queue):
            if number <= self._submitted:
                continue
            try:
                durable = not batch or self._store.submit(number, batch)
            except StoreFailed as failure:
                self.failure = failure
                return
            self.failure = None
            self._submitted = number
            if durable and self._queue[0][0] == number:
                self.persisted(number)

    def persisted(self, number: int) -> None:
        """Everything up to this batch is durable: run what waited for it."""
        while self._queue and self._queue[0][0] <= min(number, self._submitted):
            self._execute(self._queue.popleft()[2])
        # An empty batch right behind a durable one has nothing to wait for.
        while self._queue and not self._queue[0][1] and self._queue[0][0] <= self._submitted:
            self._execute(self._queue.popleft()[2])

    def _execute(self, effects: Sequence[Any]) -> None:
        for effect in effects:
            self._run(effect)
