"""What was told so far, and waiting for more of it."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
PATIENCE_S = 15.0


class Told(Generic[T]):
    """A list that another thread appends to."""

    def __init__(self, whose: str) -> None:
        self._whose = whose
        self._items: list[T] = []
        self._more = threading.Condition()

    def add(self, item: T) -> None:
        with self._more:
            self._items.append(item)
            self._more.notify_all()

    def all(self) -> list[T]:
        with self._more:
            return list(self._items)

    def wait(self, what: str, wanted: Callable[[T], bool], after: int = 0, for_s: float = PATIENCE_S) -> T:
        """The first one from number `after` on that is wanted. AssertionError when none comes in time."""
        end_s = time.monotonic() + for_s
        with self._more:
            looked = after
            while True:
                for item in self._items[looked:]:
                    if wanted(item):
                        return item
                looked = max(looked, len(self._items))
                left_s = end_s - time.monotonic()
                if left_s <= 0 or not self._more.wait(left_s):
                    shown = "\n".join(f"  {one!r:.600}" for one in self._items[-25:])
                    raise AssertionError(
                        f"{self._whose}: no {what} within {for_s:g} s; the last were\n{shown}"
                    )
