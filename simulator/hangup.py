"""Notices that a peer ended TCP on sockets that nobody reads.

A silent connection must not read, yet its socket has to leave the books when the client gives up. epoll reports
a received FIN or RST (EPOLLRDHUP, EPOLLHUP) without any read; one nested epoll watches all silent sockets.
"""

import asyncio
import contextlib
import select
from collections.abc import Callable


def hung_up(fd: int) -> bool:
    """Has the peer sent FIN or RST, whether or not anything was read since?"""
    poll = select.poll()
    poll.register(fd, select.POLLRDHUP)
    return bool(poll.poll(0))


class HangupWatch:
    """Calls back once when the peer of a watched socket hangs up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._epoll = select.epoll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        loop.add_reader(self._epoll.fileno(), self._ready)

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        self._callbacks[fd] = callback
        self._epoll.register(fd, select.EPOLLRDHUP)

    def forget(self, fd: int) -> None:
        """Harmless when `fd` is not watched, or closed by now (the kernel then dropped it by itself)."""
        if self._callbacks.pop(fd, None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(fd)

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _ready(self) -> None:
        for fd, _ in self._epoll.poll(0):
            callback = self._callbacks.get(fd)
            self.forget(fd)
            if callback is not None:
                callback()
