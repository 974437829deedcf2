"""Pacing of process starts: whoever starts processes starts a few and hears of them before it starts the next.

A supervisor that forks many children in one go is deaf until the last one is made, and children that all start at
once leave it little of the processors. With a thousand instances that was longer than the silence that convicts: the
watchdog ended groups whose only fault was to be starting, and their instances had to be started once more.
"""

from collections import deque


class StartQueue:
    """Who is being started and who waits for it, by name."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._starting: set[str] = set()
        self._waiting: deque[str] = deque()

    def ask(self, name: str) -> bool:
        """Whether it may be started now; if not, `next` names it later."""
        if name in self._starting or len(self._starting) < self._at_once:
            self._starting.add(name)
            return True
        if name not in self._waiting:
            self._waiting.append(name)
        return False

    def waits(self, name: str) -> bool:
        """Whether it has asked and its turn has not come."""
        return name in self._waiting

    def forget(self, name: str) -> None:
        """It was started without waiting."""
        if name in self._waiting:
            self._waiting.remove(name)

    def done(self, name: str) -> None:
        """It is up, or it has ended, or it was given enough time."""
        self._starting.discard(name)

    def next(self) -> str | None:
        """Whose turn it is now; the caller asks again for it, or drops it."""
        if self._waiting and len(self._starting) < self._at_once:
            return self._waiting.popleft()
        return None
