"""Pacing of process starts: a group starts a few at a time and hears of them before it starts the next.

A group that forks 32 children in one go is deaf until the last one is made. With many groups on a busy machine that was
longer than the silence that convicts a supervisor: the watchdog ended groups whose only fault was to be starting, and
their instances had to be started once more.
"""

from collections import deque

AT_ONCE = 2


class StartQueue:
    """Who is being started and who waits for it, by name."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
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

    def done(self, name: str) -> None:
        """It is up, or it has ended, or it was given enough time."""
        self._starting.discard(name)

    def next(self) -> str | None:
        """Whose turn it is now; the caller asks again for it, or drops it."""
        if self._waiting and len(self._starting) < self._at_once:
            return self._waiting.popleft()
        return None
