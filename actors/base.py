"""What every actor here is: one dispatcher that lets nothing out, keeps the watch, and knows its timers.

An exception that leaves `receiveMessage` makes Thespian run the handler a second time; a handler that forgets to
return its ThespianWatch makes the actor deaf. Both are dealt with once, here.
"""

import os
import select
from datetime import timedelta
from typing import Any

from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ChildActorExited,
    ThespianWatch,
    WakeupMessage,
    WatchMessage,
)

from store import logs

MAX_REMEMBERED_FDS = 256


class BaseActor(Actor):
    """Subclasses write `receiveMsg_<MessageClass>(message, sender)` and the `on_…` hooks they need."""

    def __init__(self) -> None:
        super().__init__()
        self._unknown: set[str] = set()
        self._living: list[Any] = []
        self._pollable: set[tuple[int, int, int]] = set()
        self._last_unwatchable: dict[int, int | None] = {}

    def receiveMessage(self, message: Any, sender: Any) -> ThespianWatch | None:
        try:
            self._dispatch(message, sender)
        except Exception as error:
            self._bug(message, error)
        return self._descriptors()

    def _dispatch(self, message: Any, sender: Any) -> None:
        match message:
            case WakeupMessage(payload=(str() as name, int() as epoch)):
                self.on_wake(name, epoch)
            case WatchMessage():
                self.on_watch()
            case ChildActorExited():
                self._child_exited(message.childAddress)
            case ActorExitRequest():
                self.on_exit()
            case _:
                handler = getattr(self, f"receiveMsg_{type(message).__name__}", None)
                if handler is None:
                    self._unrecognised(message)
                else:
                    handler(message, sender)

    # ── hooks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def watched_fds(self) -> list[int]:
        """The descriptors whose readability calls `on_watch`."""
        return []

    def on_watch(self) -> None:
        """A watched descriptor is readable."""

    def on_wake(self, name: str, epoch: int) -> None:
        """A timer of `wake_after` is due; the receiver ignores epochs that it replaced."""

    def on_child_exited(self, address: Any) -> None:
        """A child ended, however it did; called once for each child."""

    def on_exit(self) -> None:
        """The actor is about to end."""

    def on_bug(self, error: Exception) -> None:
        """A handler raised; it was logged already."""

    # ── tools ────────────────────────────────────────────────────────────────────────────────────────────────────

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        """Call `on_wake(name, epoch)` after `delay_s`. Timers can't be cancelled: give a new epoch instead."""
        self.wakeupAfter(timedelta(seconds=max(0.0, delay_s)), (name, epoch))

    def createActor(
        self,
        actorClass: type[Actor] | str,  # noqa: N803 Thespian's names
        targetActorRequirements: Any = None,  # noqa: N803
        globalName: str | None = None,  # noqa: N803
        sourceHash: str | None = None,  # noqa: N803
    ) -> ActorAddress:
        """A new child. Its end is told by `on_child_exited`."""
        address = super().createActor(actorClass, targetActorRequirements, globalName, sourceHash)
        self._living.append(address)
        return address

    def _child_exited(self, address: Any) -> None:
        # Thespian tells a graceful exit and a failed start twice. Its addresses compare equal before and after the
        # child has its port, but can't be hashed; and a later child may get the same port.
        for number, child in enumerate(self._living):
            if child == address:
                del self._living[number]
                self.on_child_exited(address)
                return

    def _bug(self, message: Any, error: Exception) -> None:
        try:
            name = type(message).__name__
            logs.logger().exception("A bug in %s while handling %s", type(self).__name__, name)
        except MemoryError:
            pass  # no memory left even to say so: what `on_bug` does matters more
        try:
            self.on_bug(error)
        except Exception:
            logs.logger().exception("A bug in %s.on_bug", type(self).__name__)

    def _unrecognised(self, message: Any) -> None:
        """Once per type: a peer that repeats itself must not fill the log."""
        name = type(message).__name__
        if name not in self._unknown:
            self._unknown.add(name)
            logs.logger().warning("%s does not know the message %s", type(self).__name__, name)

    def _descriptors(self) -> ThespianWatch | None:
        try:
            fds = sorted(filter(self._watchable, set(self.watched_fds())))
        except Exception:
            logs.logger().exception("A bug in %s.watched_fds", type(self).__name__)
            return None
        return ThespianWatch(fds) if fds else None

    def _watchable(self, fd: int) -> bool:
        """Thespian dies of a file that epoll refuses, and forgets the watch over a closed descriptor."""
        try:
            status = os.fstat(fd)
            identity = (fd, status.st_dev, status.st_ino)
            if identity not in self._pollable:
                with select.epoll() as trial:
                    trial.register(fd, select.EPOLLIN)
                # What is watched changes with every connection; it is cheap to find out again.
                if len(self._pollable) >= MAX_REMEMBERED_FDS:
                    self._pollable.clear()
                self._pollable.add(identity)
        except OSError as error:
            self._unwatchable(fd, error)
            return False
        return True

    def _unwatchable(self, fd: int, error: OSError) -> None:
        if error.errno != self._last_unwatchable.get(fd):
            self._last_unwatchable = {fd: error.errno}
            logs.logger().warning("%s can't watch descriptor %d: %s", type(self).__name__, fd, error.strerror)
