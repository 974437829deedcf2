"""A mailbox outside the actor system: one thread's way to tell actors something and to hear from them.

Uses Thespian's transport directly: its `ask` takes any message for the answer, and wedges when threads share it.
"""

import os
import time
from collections import deque
from datetime import timedelta

from thespian.actors import (
    ActorAddress,
    ActorSystemMessage,
    DeadEnvelope,
    PoisonMessage,
    Thespian_StatusReq,
    Thespian_SystemStatus,
    WatchMessage,
)
from thespian.system.messages.admin import QueryAck, QueryExists
from thespian.system.transport import ReceiveEnvelope, SendStatus, TransmitIntent

from actors.instance_file import SystemUnavailable
from actors.wire import SecureTCPTransport
from core.address import Undelivered

MAX_WAITING = 10_000
ROOT_TIMEOUT_S = 5.0


class Mailbox:
    """Tell and listen, for exactly one thread; only `wake` may be called from others.

    Messages to one receiver go out in order, one at a time. `tell` never blocks and never raises for a message: what
    can't be delivered comes back from `listen` as Undelivered.
    """

    def __init__(self, transport: SecureTCPTransport, admin: ActorAddress, root_name: str) -> None:
        self._transport = transport
        self._admin = admin
        self._root_name = root_name
        self._root: ActorAddress | None = None
        self._inbox: deque[object] = deque()
        self._waiting: dict[str, deque[TransmitIntent]] = {}
        self._woken = False
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poke_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._admin_reply: ActorSystemMessage | None = None
        self.admin_answers = 0

    @property
    def root(self) -> ActorAddress:
        """The root actor, looked up on first use and after it could not be reached. SystemUnavailable without one."""
        if self._root is None:
            self._root = self.find(self._root_name, ROOT_TIMEOUT_S)
        return self._root

    def tell(self, address: ActorAddress, message: object) -> None:
        """Send a message; it leaves while `listen` runs."""
        intent = TransmitIntent(address, message, onSuccess=self._sent, onError=self._failed)
        queue = self._waiting.get(str(address))
        if queue is None:
            self._waiting[str(address)] = deque()
            if not self._transmit(intent):
                del self._waiting[str(address)]
        elif len(queue) < MAX_WAITING:
            queue.append(intent)
        else:
            self._inbox.append(Undelivered(message, f"{MAX_WAITING} messages wait for this receiver"))

    def listen(self, timeout_s: float) -> object | None:
        """The next message; None after `timeout_s` seconds or, unless that is 0, as soon as `wake` was called.

        With 0 it returns at once: call it until None to drain.
        """
        end_s = time.monotonic() + timeout_s
        while not self._inbox:
            if timeout_s <= 0:
                return self._poll()
            if self._woken:
                self._woken = False
                return None
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return None
            self._run(left_s)
        return self._inbox.popleft()

    def wake(self) -> None:
        """Make `listen` return; callable from any thread, before or during the call."""
        os.eventfd_write(self._wake_fd, 1)

    def find(self, global_name: str, timeout_s: float) -> ActorAddress:
        """The actor of that global name. SystemUnavailable when there is none: it is never created here."""
        status = self._ask_admin(Thespian_StatusReq(), timeout_s)
        assert isinstance(status, Thespian_SystemStatus)
        found = status.globalActors.get(global_name)
        if found is None:
            raise SystemUnavailable(f"the actor system has no actor named {global_name} now; try again soon")
        return found

    def verify(self, timeout_s: float) -> None:
        """SystemUnavailable unless the admin answers in time and is not shutting down."""
        answer = self._ask_admin(QueryExists(), timeout_s)
        assert isinstance(answer, QueryAck)
        if answer.inShutdown:
            raise SystemUnavailable("the actor system is stopping; try again soon")

    def ping_admin(self) -> None:
        """Ask the admin whether it lives, without waiting: its answer counts in `admin_answers`."""
        self.tell(self._admin, QueryExists())

    def close(self) -> None:
        """Close every socket; the mailbox can't be used afterwards."""
        self._transport.close()
        os.close(self._wake_fd)
        os.close(self._poke_fd)

    def _ask_admin(self, question: ActorSystemMessage, timeout_s: float) -> ActorSystemMessage:
        self._admin_reply = None
        self.tell(self._admin, question)
        end_s = time.monotonic() + timeout_s
        while self._admin_reply is None:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise SystemUnavailable(
                    f"the actor system's admin did not answer within {timeout_s:g} s: it hangs, or has another wire key"
                )
            self._run(left_s)
        if isinstance(self._admin_reply, DeadEnvelope):
            raise SystemUnavailable("the actor system's admin is gone")
        return self._admin_reply

    def _poll(self) -> object | None:
        # Twice: the first run may end with a notice left over from an earlier one.
        for _ in range(2):
            os.eventfd_write(self._poke_fd, 1)
            self._run(1.0)
            if self._inbox:
                return self._inbox.popleft()
        return None

    def _run(self, duration_s: float) -> None:
        """Let the transport work until it has something for us."""
        self._transport.set_watch([self._wake_fd, self._poke_fd])
        envelope = self._transport.run(None, timedelta(seconds=duration_s))
        if isinstance(envelope, ReceiveEnvelope):
            self._sort(envelope.message)

    def _sort(self, message: object) -> None:
        match message:
            case WatchMessage():
                self._woken |= _drained(self._wake_fd)
                _drained(self._poke_fd)
            case PoisonMessage():
                self._inbox.append(Undelivered(message.poisonMessage, "the receiver failed on it"))
            case DeadEnvelope():
                self._inbox.append(Undelivered(message.deadMessage, "the receiver is gone", gone=True))
            case Thespian_SystemStatus() | QueryAck():
                self._admin_reply = message
                self.admin_answers += 1
            case ActorSystemMessage():
                pass  # Thespian's own business
            case _:
                self._inbox.append(message)

    def _transmit(self, intent: TransmitIntent) -> bool:
        try:
            self._transport.scheduleTransmit(None, intent)
        except Exception as problem:
            # Too long, or it can't be pickled.
            self._inbox.append(
                Undelivered(intent.message, f"it can't be sent: {type(problem).__name__}: {problem}")
            )
            return False
        return True

    def _sent(self, _result: object, intent: TransmitIntent) -> None:
        self._next(intent.targetAddr)

    def _failed(self, result: object, intent: TransmitIntent) -> None:
        gone = result is SendStatus.DeadTarget
        if self._root is not None and intent.targetAddr == self._root:
            self._root = None
        if isinstance(intent.message, ActorSystemMessage):
            self._admin_reply = DeadEnvelope(intent.targetAddr, intent.message)
        else:
            reason = "the receiver is gone" if gone else "the receiver did not take it in time"
            self._inbox.append(Undelivered(intent.message, reason, gone))
        os.eventfd_write(self._poke_fd, 1)
        self._next(intent.targetAddr)

    def _next(self, address: ActorAddress) -> None:
        queue = self._waiting[str(address)]
        while queue:
            if self._transmit(queue.popleft()):
                return
        del self._waiting[str(address)]


def _drained(descriptor: int) -> bool:
    try:
        return os.eventfd_read(descriptor) > 0
    except BlockingIOError:
        return False
