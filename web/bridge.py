"""The one thread that talks to the actors, for all HTTP threads.

Commands are collected and sent in batches; each carries a correlation id, so that a late answer is dropped and
never taken for another's. The same thread keeps the read model fed, and connects again when the actors are gone.
Sharing a Thespian mailbox between threads wedges it: nothing else may touch it.
"""

import itertools
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from core.address import Undelivered
from core.command_messages import REROUTE
from core.messages import (
    CommandReply,
    Direct,
    FleetDelta,
    FleetSnapshot,
    JournalAdvanced,
    PingRoot,
    Subscribe,
)
from web import shortcut
from web.mailbox import BridgeError, Mailbox, Timeout, Unavailable
from web.pulse import SILENCE_S, Pulse
from web.readmodel import ReadModel

log = logging.getLogger("sambung.web.bridge")

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
BATCH = 256


class _Waiting:
    """One command under way: the asking thread sleeps on `done`."""

    __slots__ = ("command", "deadline_s", "done", "error", "reply")

    def __init__(self, command: Any, deadline_s: float) -> None:
        self.command = command
        self.deadline_s = deadline_s
        self.done = threading.Event()
        self.reply: CommandReply | None = None
        self.error: BridgeError | None = None


class Bridge:
    """`ask` from any thread; `start` and `close` once each."""

    def __init__(self, connect: Callable[[], Mailbox], model: ReadModel) -> None:
        self._connect = connect
        self._model = model
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._outgoing: deque[str] = deque()
        self._mailbox: Mailbox | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bridge", daemon=True)

    @property
    def connected(self) -> bool:
        return self._mailbox is not None

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop the thread; commands under way fail as Unavailable."""
        self._stopping.set()
        self._wake()
        self._thread.join(5.0)
        self._fail_all(Unavailable("the server is stopping"))

    def ask(self, make_message: Callable[[str], Any], timeout_s: float) -> CommandReply:
        """Send the command made for a fresh correlation id; wait for its answer.

        Raises Timeout when none came in `timeout_s` seconds, Unavailable when the actors are not reachable.
        """
        ref = f"{self._prefix}-{next(self._numbers)}"
        waiting = _Waiting(make_message(ref), time.monotonic() + timeout_s)
        with self._lock:
            if self._mailbox is None or self._stopping.is_set():
                raise Unavailable("the instances' supervisor is not running now; try again in a few seconds")
            self._waiting[ref] = waiting
            self._outgoing.append(ref)
        self._wake()
        waiting.done.wait(timeout_s)
        with self._lock:
            self._waiting.pop(ref, None)
        return _result(waiting)

    def _wake(self) -> None:
        mailbox = self._mailbox
        if mailbox is None:
            return
        try:
            mailbox.wake()
        except Exception:  # a mailbox that just died; the thread notices by itself
            log.debug("wake failed", exc_info=True)

    # ── the bridge's thread ─────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                mailbox = self._connect()
            except Exception as error:
                if failures == 0:
                    log.warning("cannot reach the actors: %s", error)
                self._stopping.wait(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1
                continue
            failures = 0
            self._serve(mailbox)

    def _serve(self, mailbox: Mailbox) -> None:
        with self._lock:
            self._mailbox = mailbox
        log.info("connected to the actors")
        try:
            self._talk(mailbox)
        except Exception as error:
            log.warning("lost the actors: %s", error)
        finally:
            with self._lock:
                self._mailbox = None
                self._outgoing.clear()
            self._model.root_lost()
            self._fail_all(Unavailable("the instances' supervisor went away; try again in a few seconds"))
            _close(mailbox)

    def _talk(self, mailbox: Mailbox) -> None:
        pulse = Pulse(time.monotonic())
        have_seq = 0  # another root numbers its pushes differently
        while not self._stopping.is_set():
            have_seq = self._beat(mailbox, pulse, have_seq)
            self._send_batch(mailbox)
            ready = self._model.root_ready is True
            message = mailbox.listen(pulse.wait_s(time.monotonic(), ready=ready))
            if message is not None:
                self._take(mailbox, message)
                pulse.heard(time.monotonic())
            elif pulse.lost(time.monotonic()):
                raise Unavailable("the root supervisor has fallen silent")

    def _beat(self, mailbox: Mailbox, pulse: Pulse, have_seq: int) -> int:
        now_s = time.monotonic()
        if pulse.renewal_due(now_s, ready=self._model.root_ready is True):
            mailbox.tell(mailbox.root, Subscribe(self._own_ref("sub"), have_seq))
            mailbox.tell(mailbox.root, PingRoot(self._own_ref("ping")))
        elif pulse.ping_due(now_s):
            mailbox.tell(mailbox.root, PingRoot(self._own_ref("ping")))
        return self._have_seq()

    def _have_seq(self) -> int:
        age_s = self._model.age_s()
        stale = age_s is None or age_s > SILENCE_S
        return 0 if stale else self._model.view.have_seq

    def _own_ref(self, kind: str) -> str:
        return f"{kind}-{self._prefix}-{next(self._numbers)}"

    def _send_batch(self, mailbox: Mailbox) -> None:
        for _ in range(BATCH):
            with self._lock:
                if not self._outgoing:
                    return
                waiting = self._waiting.get(self._outgoing.popleft())
            if waiting is not None and time.monotonic() < waiting.deadline_s:
                self._send(mailbox, waiting.command)

    def _send(self, mailbox: Mailbox, command: Any) -> None:
        """Straight to its instance where that is possible, else to the root."""
        address = shortcut.address_for(self._model.fleet, command)
        if address is None:
            mailbox.tell(mailbox.root, command)
        else:
            mailbox.tell(address, Direct(command))

    def _take(self, mailbox: Mailbox, message: Any) -> None:
        match message:
            case CommandReply(code=code) if code == REROUTE:
                self._reroute(mailbox, message.ref)
            case CommandReply():
                self._replied(message)
            case Undelivered(message=Direct(command=command), gone=True):
                self._reroute(mailbox, command.ref)
            case FleetSnapshot() | FleetDelta():
                had_gap = not self._model.view.complete
                if not self._model.apply(message) and not had_gap:
                    mailbox.tell(mailbox.root, Subscribe(self._own_ref("sub"), 0))
            case JournalAdvanced():
                self._model.journal_advanced(message.number)
            case _:
                log.debug("ignored a message of type %s", type(message).__name__)

    def _replied(self, reply: CommandReply) -> None:
        if reply.ref.startswith("ping-"):
            ready = reply.ok and bool(reply.data.get("ready", True))
            self._model.root_answered(ready, reply.data.get("broken"))
            return
        with self._lock:
            waiting = self._waiting.pop(reply.ref, None)
        if waiting is None:
            log.debug("dropped a late answer")
            return
        waiting.reply = reply
        waiting.done.set()

    def _reroute(self, mailbox: Mailbox, ref: str) -> None:
        """The instance is not there any more, or leaves it to the root. Commands may be repeated."""
        with self._lock:
            waiting = self._waiting.get(ref)
        if waiting is not None:
            mailbox.tell(mailbox.root, waiting.command)

    def _fail_all(self, error: BridgeError) -> None:
        with self._lock:
            lost, self._waiting = self._waiting, {}
        for waiting in lost.values():
            waiting.error = error
            waiting.done.set()


def _result(waiting: _Waiting) -> CommandReply:
    if waiting.reply is not None:
        return waiting.reply
    raise waiting.error or Timeout("the actor does not answer in time")


def _close(mailbox: Mailbox) -> None:
    close = getattr(mailbox, "close", None)
    if close is None:
        return
    try:
        close()
    except Exception:
        log.debug("closing a dead mailbox failed", exc_info=True)
