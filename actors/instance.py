"""The instance actor: one process, one link. It hosts a `Runtime` and turns messages and file descriptors into turns.

Order of its life: ConfigureInstance → lock file → session store → runtime → dial … → StopInstance → exit.
The lock keeps a second process of the same instance out; while it is held elsewhere the actor waits and says by whom.
"""

import contextlib
import os
import time
from dataclasses import replace
from pathlib import Path

from setproctitle import setproctitle

from actors.data_limit import room_bytes
from actors.instance_ends import InstanceEnds
from actors.instance_ports import Trouble
from actors.local_session import LocalSession, make_protocol
from actors.obeying import obey, refusal, takes_directly
from actors.runtime import Runtime
from actors.transport import Transport
from core import link_events as events
from core import outbox as outboxes
from core.command_messages import REROUTE
from core.config import Settings
from core.effects import Record
from core.instances import Desired, upstream_key
from core.link_state import LinkState, of_version, restore
from core.messages import (
    Address,
    ConfigureInstance,
    Direct,
    EventsStored,
    InstanceStopped,
    JournalMoved,
    Routed,
    SettingsChanged,
    StopInstance,
)
from store import logs
from store.errors import LockBusy, StoreError, StoreFailed
from store.files import InstanceLock
from store.layout import DataDir
from store.session import SessionStore
from store.sqlitefile import remove_store

LOCK_RETRY_S = 0.5
DAMAGED_RETRY_S = 3.0
STOP_GRACE_S = 0.5
PRUNE_BEATS = 12


class InstanceActor(InstanceEnds):
    """See the module's docstring. Everything that decides is in the runtime or below it."""

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_ConfigureInstance(self, message: ConfigureInstance, sender: Address) -> None:
        before = self._setup
        if before is not None and upstream_key(before.record.config) != upstream_key(message.record.config):
            self._upstream_down = False  # another upstream, of which nothing bad is known
        self._setup, self._parent, self._journal = message, sender, message.journal
        self._limit.keep(room_bytes(message.settings))
        if before is None or before.settings.log != message.settings.log:
            logs.setup_logging(Path(message.log_dir), message.settings.log, console=False)
        if before is None:
            setproctitle(f"sambung: instance {message.record.instance_id}")
            self._open()
        elif self._runtime is not None:
            self._runtime.reconfigure(message.record, self._own_settings(message))

    def _open(self) -> None:
        """Take the lock and open the store; try again while another process holds them."""
        setup = self._setup
        assert setup is not None
        data, instance_id = DataDir(Path(setup.data_dir)), setup.record.instance_id
        try:
            self._lock = self._lock or InstanceLock.acquire(data.lock(instance_id))
            if setup.fresh:
                remove_store(data.session(instance_id))
                setup = self._setup = replace(setup, fresh=False)
            store = SessionStore.open(data.session(instance_id), time.time(), aside=data.corrupt)
            self._trouble = None
            self._note_restored(store)
            self._start(setup, store)
        except LockBusy as busy:
            return self._blocked(
                Trouble(f"another process of this instance is still running (pid {busy.holder_pid})"),
                LOCK_RETRY_S,
            )
        except StoreError as error:
            # What waits for the operator is looked at again, too: nobody has to say that the file is back.
            often_s = min(DAMAGED_RETRY_S, setup.settings.supervision.heartbeat_s)
            retry_s = LOCK_RETRY_S if error.next_step is None else often_s
            return self._blocked(Trouble(str(error), "storage_failed", error.next_step), retry_s)
        return None

    def _note_restored(self, store: SessionStore) -> None:
        """What a copy cannot know is said once: the events of the time since are in the journal, if anywhere."""
        if store.restored:
            text = f"{store.path} is a restored copy: it goes on from its state, with events of a new stream"
            self._log(Record("store.restored", "WARNING", {"text": text, "stream": store.stream}))

    def _blocked(self, why: Trouble, retry_s: float) -> None:
        if why != self._trouble:
            self._log(Record("instance.blocked", "ERROR", {"text": why.text}))
        self._trouble = why
        self.report()
        self.wake_after(retry_s, "open", 0)

    def _start(self, setup: ConfigureInstance, store: SessionStore) -> None:
        now_s, wall_s = time.monotonic(), time.time()
        loaded = store.load()
        self._store = store
        settings = self._own_settings(setup)
        link_state = of_version(loaded.link_state, setup.version) if loaded.link_state else None
        self._take_over(link_state, setup)
        last = loaded.next_event_number - 1
        self._runtime = Runtime(
            record=setup.record,
            settings=settings,
            link=restore(link_state, now_s, wall_s),
            outbox=outboxes.Outbox.of(tuple(loaded.pending), settings.outbox, now_s),
            session=LocalSession(store),
            feed_numbers=(last, last - loaded.unsent),
            transport=Transport(settings.transport),
            make_protocol=make_protocol,
            ports=self,
        )
        wanted = setup.record.desired is Desired.CONNECTED
        self._runtime.link_event(events.Want() if wanted else events.Unwant())
        self._beat()

    def receiveMsg_StopInstance(self, message: StopInstance, sender: Address) -> None:
        """Close the link; exit once it is closed, or after the transport's close deadline."""
        self._stopping = message
        if self._runtime is None:
            return self._finish()
        # A restart is no wish about the link: the replacement goes on waiting where this process was.
        self._runtime.link_event(events.ProcessEnds())
        self._finish_when_closed()
        assert self._setup is not None
        self.wake_after(self._setup.settings.transport.close_timeout_s + STOP_GRACE_S, "finish", 0)
        return None

    def _finish_when_closed(self) -> None:
        runtime = self._runtime
        if self._stopping is None or runtime is None or not runtime.drained:
            return
        if runtime.link.state in (LinkState.IDLE, LinkState.PARKED):
            self._finish()

    def _finish(self) -> None:
        """Commit, tell the group, and wait for its ActorExitRequest."""
        setup, purge = self._setup, self._stopping is not None and self._stopping.purge
        self._runtime = None
        if self._store is not None:
            self._store.close()
        if setup is None:
            return
        if purge:
            remove_store(DataDir(Path(setup.data_dir)).session(setup.record.instance_id))
        if self._lock is not None:
            self._lock.release()
        self._store = self._lock = None
        self.send(self._parent, InstanceStopped(setup.record.instance_id, os.getpid()))

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

    def receiveMsg_SettingsChanged(self, message: SettingsChanged, sender: Address) -> None:
        if self._setup is not None:
            changed = replace(self._setup, settings=message.settings, journal=self._journal)
            self.receiveMsg_ConfigureInstance(changed, sender)

    def receiveMsg_JournalMoved(self, message: JournalMoved, sender: Address) -> None:
        self._journal = message.journal
        if self._runtime is not None:
            self._runtime.feed.moved(time.monotonic(), self._runtime.settings.events)

    def receiveMsg_EventsStored(self, message: EventsStored, sender: Address) -> None:
        # A stream that is not ours: the answer to a process before a restored store.
        if self._runtime is not None and self._store is not None and message.stream == self._store.stream:
            self._runtime.events_stored(message.up_to)

    def receiveMsg_Routed(self, message: Routed, sender: Address) -> None:
        """An operator's command; answered straight to where it came from."""
        self._obey(message)

    def receiveMsg_Direct(self, message: Direct, sender: Address) -> None:
        """The same past root and group, which know of changes that are still on their way here."""
        command, runtime = message.command, self._runtime
        if runtime is None or not takes_directly(runtime, command):
            return self.answer(sender, refusal(command.ref, REROUTE, "ask the root"))
        return self._obey(Routed(command, sender))

    def _obey(self, message: Routed) -> None:
        command, runtime = message.command, self._runtime
        if runtime is None or self._stopping is not None:
            why = self._trouble or Trouble("not ready yet")
            return self.answer(message.reply_to, refusal(command.ref, why.code, why.text))
        known = self._store.message if self._store is not None else None
        if known is not None:
            obey(runtime, known, command, message.reply_to)
        return None

    # ── wake-ups, file descriptors ───────────────────────────────────────────────────────────────────────────────

    def watched_fds(self) -> list[int]:
        return [] if self._runtime is None else self._runtime.transport.fds()

    def on_watch(self) -> None:
        if self._runtime is not None:
            self._runtime.drain()
            if self._slot is not None:
                self._slot.frame(self._last_frame_s)
            self._finish_when_closed()

    def on_wake(self, name: str, epoch: int) -> None:
        if name == "open" and self._runtime is None and self._stopping is None:
            self._open()
        elif name == "beat" and epoch == self._tick:
            self._beat()
        elif name == "finish" and self._runtime is not None:
            self._finish()
        elif self._runtime is not None:
            self._runtime.wake(name, epoch)
            self._finish_when_closed()

    def _beat(self) -> None:
        assert self._setup is not None
        self._tick += 1
        self.wake_after(self._setup.settings.supervision.heartbeat_s, "beat", self._tick)
        self._measure_cpu()
        self._check_memory(self._setup)
        if self._runtime is None:
            return self.report()
        self._runtime.tick()
        self._sign_of_life()
        if self._tick % PRUNE_BEATS == 0:
            self._prune(self._runtime.settings)
            self._runtime.keep()
        return None

    def _prune(self, settings: Settings) -> None:
        """Drop old finished messages and timeline entries; a disk that refuses is reported by the next write."""
        if self._store is not None:
            with contextlib.suppress(StoreFailed):
                self._store.prune(settings.outbox.keep_finished)
