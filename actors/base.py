"""What every actor here is: one dispatcher that lets nothing out, keeps the watch, and knows its timers.

An exception that leaves `receiveMessage` makes Thespian run the handler a second time; a handler that forgets to
return its ThespianWatch makes the actor deaf. Both are dealt with once, here.
"""

import os
import stat
from datetime import timedelta
from typing import Any

from thespian.actors import (
    Actor,
    ActorExitRequest,
    ChildActorExited,
    ThespianWatch,
    WakeupMessage,
    WatchMessage,
)

from store import logs


class BaseActor(Actor):
    """Subclasses write `receiveMsg_<MessageClass>(message, sender)` and the `on_…` hooks they need."""

    def __init__(self) -> None:
        super().__init__()
        self._unknown: set[str] = set()

    def receiveMessage(self, message: Any, sender: Any) -> ThespianWatch | None:
        try:
            self._dispatch(message, sender)
        except Exception as error:
            self._bug(message, error)
        return self._watch()

    def _dispatch(self, message: Any, sender: Any) -> None:
        match message:
            case WakeupMessage(payload=(str() as name, int() as epoch)):
                self.on_wake(name, epoch)
            case WatchMessage():
                self.on_watch()
            case ChildActorExited():
                self.on_child_exited(message.childAddress)
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
        """A child ended. Thespian tells it twice after a graceful exit or a failed start."""

    def on_exit(self) -> None:
        """The actor is about to end."""

    def on_bug(self, error: Exception) -> None:
        """A handler raised; it was logged already."""

    # ── tools ────────────────────────────────────────────────────────────────────────────────────────────────────

    def wake_after(self, delay_s: float, name: str, epoch: int) -> None:
        """Call `on_wake(name, epoch)` after `delay_s`. Timers can't be cancelled: give a new epoch instead."""
        self.wakeupAfter(timedelta(seconds=max(0.0, delay_s)), (name, epoch))

    def _bug(self, message: Any, error: Exception) -> None:
        name = type(message).__name__
        logs.logger().exception("A bug in %s while handling %s", type(self).__name__, name)
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

    def _watch(self) -> ThespianWatch | None:
        try:
            fds = sorted({fd for fd in self.watched_fds() if _watchable(fd)})
        except Exception:
            logs.logger().exception("A bug in %s.watched_fds", type(self).__name__)
            return None
        return ThespianWatch(fds) if fds else None


def _watchable(fd: int) -> bool:
    """Thespian dies of a regular file or a closed descriptor in its watch."""
    try:
        return not stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False
