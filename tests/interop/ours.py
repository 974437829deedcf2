"""Our session on a real socket, its state in a session file: what an instance does, without its processes.

Everything of a client happens in its own thread, as everything of an instance does in its own process; what the test
wants is put into a queue. After RESTART the client dials again by itself, after anything else only when told to.
"""

import contextlib
import itertools
import json
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from core.effects import Disconnected, Emit, Persist, ProtocolEffect, Reply, Send, WakeAt
from core.failures import Failure, FailureKind
from core.protocol import Command, Invoke, SendContent
from store.session import Batch, SessionStore
from tests.interop.told import PATIENCE_S, Told
from whatsapp.session import Session
from whatsapp.session_settings import SessionSettings
from whatsapp.state import MemoryState

T = TypeVar("T")
TICK_S = 0.02
MAX_BYTES = 16 * 2**20


class Ours:
    """One client. `told`: events as (kind, data), and ("link.closed", failure or None) when a connection ended."""

    def __init__(self, name: str, file: Path, settings: SessionSettings) -> None:
        self.name = name
        self.told: Told[tuple[str, Any]] = Told(name)
        self._replies: Told[Reply] = Told(f"{name}, replies")
        self._file = file
        self._settings = settings
        self._refs = itertools.count(1)
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._ended = False
        self._socket: ClientConnection | None = None
        self._closing = contextlib.ExitStack()
        self._timers: dict[str, float] = {}
        self._failure: Failure | None = None
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()
        self._do(self._load)

    # ── what a test asks for ─────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> int:
        """Dial; returns the number of its first event."""
        begun = len(self.told.all())
        self._do(self._dial)
        return begun

    def stop(self) -> None:
        """Close the connection; the session stays, as when a network is gone."""
        self._do(self._hang_up)

    def restart(self) -> int:
        """A new process: what is in the file, and nothing else."""
        begun = len(self.told.all())
        for step in (self._forget, self._load, self._dial):
            self._do(step)
        return begun

    def twin(self) -> "Ours":
        """Another process with a copy of the same file."""
        path = self._file.with_name(f"twin of {self._file.name}")

        def copy() -> None:
            self._store.close()
            shutil.copy(self._file, path)
            self._reopen()

        self._do(copy)
        return Ours(f"twin of {self.name}", path, self._settings)

    def close(self) -> None:
        self._do(self._forget)
        self._ended = True
        self._do(lambda: None)
        self._thread.join(PATIENCE_S)

    def event(self, kind: str, wanted: Callable[[Any], bool] = lambda data: True, after: int = 0) -> Any:
        """The data of the first such event."""
        return self.told.wait(kind, lambda one: one[0] == kind and wanted(one[1]), after)[1]

    def events(self, kind: str) -> list[Any]:
        return [data for one, data in self.told.all() if one == kind]

    def opened(self, after: int = 0) -> None:
        """Logged in: the link alone is open while codes are shown, too."""
        self.event("session.open", after=after)

    def closed(self, after: int = 0) -> Failure:
        failure: Failure = self.event("link.closed", after=after)
        return failure

    def message(self, text: str) -> Any:
        """The event of the message with this text, once it is there."""
        return self.event("message.received", lambda data: data["content"].get("text") == text)

    def texts(self) -> list[str]:
        """Of what others wrote to it."""
        told = self.events("message.received")
        return [one["content"]["text"] for one in told if one["type"] == "text" and not one["from_me"]]

    def send(self, to: str, text: str, **more: Any) -> str:
        """Send a text; its id when the server accepted it."""
        return self.send_content(to=to, text=text, **more)

    def send_content(self, **content: Any) -> str:
        reply = self._ask(lambda ref: SendContent(ref, json.dumps(content).encode()))
        assert reply.error is None, reply
        sent: str = reply.data["id"]
        return sent

    def invoke(self, name: str, **arguments: Any) -> Reply:
        """Its reply, whatever it says."""
        return self._ask(lambda ref: Invoke(ref, name, arguments))

    def rows(self) -> dict[tuple[str, str], bytes]:
        """All protocol state in the file."""
        return self._do(lambda: self._store.load().entries)

    def _ask(self, make: Callable[[str], Command]) -> Reply:
        ref = f"{self.name}-{next(self._refs)}"
        self._do(lambda: self._act(self._session.on_command(make(ref), time.monotonic())))
        return self._replies.wait(f"reply to {ref}", lambda reply: reply.ref == ref)

    def _do(self, act: Callable[[], T]) -> T:
        """Have it done in the client's thread."""
        done: Future[T] = Future()

        def job() -> None:
            try:
                done.set_result(act())
            except BaseException as error:
                done.set_exception(error)

        self._jobs.put(job)
        return done.result(PATIENCE_S)

    # ── in its thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _live(self) -> None:
        while not self._ended:
            if self._socket is None:
                self._jobs.get()()
            else:
                self._read(self._socket)
                while not self._jobs.empty():
                    self._jobs.get()()

    def _load(self) -> None:
        self._reopen()
        entries = self._store.load().entries
        state = MemoryState.load((space, key, value) for (space, key), value in entries.items())
        self._session = Session(self._settings, state, os.urandom, time.time)

    def _reopen(self) -> None:
        self._store = SessionStore.open(self._file, time.time())

    def _forget(self) -> None:
        self._hang_up()
        self._store.close()

    def _dial(self) -> None:
        assert self._socket is None, f"{self.name} is connected already"
        self._failure = None
        endpoint = self._session.endpoint()
        dialled = connect(
            endpoint.url,
            additional_headers=dict(endpoint.headers),
            max_size=MAX_BYTES,
            compression=None,
            ping_interval=None,
            proxy=None,
        )
        self._socket = self._closing.enter_context(dialled)
        self._act(self._session.on_open(time.monotonic()))

    def _hang_up(self) -> None:
        if self._socket is None:
            return
        self._closing.close()
        code, self._socket = self._socket.close_code, None
        self._timers.clear()
        self._act(self._session.on_closed(code, ""))
        self.told.add(("link.closed", self._failure))

    def _read(self, socket: ClientConnection) -> None:
        try:
            self._act(self._session.on_message(socket.recv(timeout=TICK_S), time.monotonic()))
        except TimeoutError:
            pass
        except ConnectionClosed:
            self._hang_up()
            return
        self._fire()
        if self._failure is not None:
            self._hang_up()
            if self._failure.kind is FailureKind.RESTART:
                self._dial()

    def _fire(self) -> None:
        now_s = time.monotonic()
        for name in [name for name, at_s in self._timers.items() if at_s <= now_s]:
            del self._timers[name]
            self._act(self._session.on_timer(name, now_s))

    def _act(self, effects: list[ProtocolEffect]) -> None:
        """Changes and events are one transaction; everything else comes after it."""
        changes = [change for one in effects if isinstance(one, Persist) for change in one.changes]
        emitted = [one for one in effects if isinstance(one, Emit)]
        if changes or emitted:
            at_s = time.time()
            self._store.commit(Batch(changes, [(one.kind, dict(one.data), at_s) for one in emitted]))
        for effect in effects:
            match effect:
                case Emit():
                    self.told.add((effect.kind, effect.data))
                case Reply():
                    self._replies.add(effect)
                case WakeAt():
                    self._timers[effect.name] = effect.at_s
                case Send() if self._socket is not None:
                    self._write(self._socket, effect.data)
                case Disconnected():
                    self._failure = effect.failure

    def _write(self, socket: ClientConnection, data: bytes) -> None:
        with contextlib.suppress(ConnectionClosed):  # noticed at the next reading
            socket.send(data)
