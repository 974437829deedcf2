"""What Thespian's loop needs of `selectors`, for descriptors that it names anew in every round.

Its epoll selector costs one system call and much bookkeeping per descriptor and round: a supervisor with 32 children
watches some 70 descriptors, and spent most of its time there. poll takes the whole list in one call.
"""

import errno
import math
import os
import select
from selectors import EVENT_READ, EVENT_WRITE
from types import SimpleNamespace
from typing import NamedTuple

# Errors and hang-ups count as readable and writable: who reads or writes finds out.
_READABLE = ~select.POLLOUT
_WRITABLE = ~select.POLLIN


class Ready(NamedTuple):
    """Stands for selectors.SelectorKey."""

    fd: int


class QuickSelector:
    """For one round: register, select once, close."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._wanted: dict[int, int] = {}

    def register(self, descriptor: int, events: int) -> None:
        """Watch a descriptor, also for more events than before. ValueError for one that is closed."""
        if descriptor < 0:
            raise ValueError(f"invalid file descriptor: {descriptor}")
        self._wanted[descriptor] = events = events | self._wanted.get(descriptor, 0)
        mask = (select.POLLIN if events & EVENT_READ else 0) | (select.POLLOUT if events & EVENT_WRITE else 0)
        self._poll.register(descriptor, mask)

    def select(self, timeout_s: float | None) -> list[tuple[Ready, int]]:
        """(descriptor, events) of those that are ready. OSError(EBADF) when one of them is not open."""
        timeout_ms = None if timeout_s is None else math.ceil(max(0.0, timeout_s) * 1000)
        return [(Ready(fd), self._events(fd, mask)) for fd, mask in self._poll.poll(timeout_ms)]

    def _events(self, descriptor: int, mask: int) -> int:
        if mask & select.POLLNVAL:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        ready = (EVENT_READ if mask & _READABLE else 0) | (EVENT_WRITE if mask & _WRITABLE else 0)
        return ready & self._wanted[descriptor]

    def close(self) -> None:
        """Nothing is held."""


selectors = SimpleNamespace(DefaultSelector=QuickSelector, EVENT_READ=EVENT_READ, EVENT_WRITE=EVENT_WRITE)
