"""One instance at work: its link, protocol, outbox and events, driven by whoever hosts it.

Every public method is one turn: decide, collect what must be durable, make it durable, then act. The runtime knows no
actor and no thread; `Ports` is all it can do to the world, so that tests drive it with a clock of their own.
"""

from dataclasses import replace

from actors.ports import Answer
from actors.runtime_core import RuntimeCore
from core import link_events as events
from core import outbox as outboxes
from core.config import Settings
from core.instances import Desired
from core.messages import Address, CommandReply
from core.records import InstanceRecord, OutboxMessage


class Runtime(RuntimeCore):
    """`make_protocol` builds a protocol from a configuration; called at the first dial and after each change."""

    # ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────

    def link_event(self, event: events.Event) -> None:
        """Something happened to the link from outside: wanted, granted, held, forced…"""
        self._step(event)
        self._settle()

    def drain(self) -> None:
        """The socket is readable, or a deadline of the transport has passed."""
        for event in self.transport.poll():
            self._transport_event(event)
        self._settle()
        if self.transport.pending():
            self.ports.wake(0.0, "pending", 0)

    def wake(self, name: str, epoch: int) -> None:
        """A timer is due."""
        kind, _, rest = name.partition(":")
        if kind == "link":
            self._step(events.Wake(rest, epoch))
        elif kind == "protocol" and self._timers.get(rest) == epoch:
            del self._timers[rest]
            self._protocol_did(self._protocol.on_timer(rest, self.ports.now_s()))
        elif kind == "transport":
            self._armed_s = None
            return self.drain()
        elif kind == "pending":
            return self.drain()
        elif kind == "store":
            self._queue.submit()
        elif kind == "outbox":
            self._paused_outbox_s = None
        self._settle()
        return None

    def tick(self) -> None:
        """The heartbeat: expire messages, resend events."""
        self.outbox, expired = outboxes.expire(self.outbox, self.ports.wall_s())
        for message in expired:
            self._finished(message)
        self.feed.pump(self.ports.now_s(), self.settings.events)
        self._settle()

    def keep(self) -> None:
        """Store the link's state and what is kept beside it, though nothing happened."""
        self._keep_link()
        self._settle()

    def persisted(self, number: int) -> None:
        """A store that answers late says: durable up to this batch."""
        self._queue.persisted(number)
        self._protocol_did(self._protocol.on_persisted(number, self.ports.now_s()))
        self._settle()

    def events_stored(self, up_to: int) -> None:
        """The journal acknowledged events."""
        self.feed.stored(up_to, self.ports.now_s(), self.settings.events)
        self._settle()

    def reconfigure(self, record: InstanceRecord, settings: Settings) -> None:
        """A new record or new settings: wanted state, where to connect, knobs."""
        # Overrides are knobs: they change how the link is treated, not where it leads.
        moved = replace(record.config, overrides={}) != replace(self.record.config, overrides={})
        repaced = settings.outbox != self.settings.outbox
        rejudged = settings.breaker != self.settings.breaker and self.link.awaits_probe
        self.record, self.settings = record, settings
        self.transport.retune(settings.transport)
        if repaced:
            self.outbox = outboxes.paced(self.outbox, settings.outbox, self.ports.now_s())
        self._step(events.Want() if record.desired is Desired.CONNECTED else events.Unwant())
        self._moved = self._moved or moved
        if moved or rejudged:
            self._step(events.Reconfigured())
        self._dirty = True
        self._settle()

    def force(self, reply_to: Address, ref: str) -> None:
        """Dial now; answered when the dial has started."""
        self.forced_at_s = self.ports.now_s()
        self._forced.append((reply_to, ref))
        self._step(events.ForceRetry())
        self._settle()

    def reset(self, reply_to: Address, ref: str) -> None:
        """Clear failures and breaker."""
        self._step(events.ResetBreaker())
        self._turn.after.append(Answer(reply_to, CommandReply(ref, True)))
        self._settle()

    def submit(self, message: OutboxMessage, reply: Answer) -> None:
        """Accept a message; answered when it is durable."""
        self.outbox = outboxes.add(self.outbox, message)
        self._turn.batch.outbox.append(message)
        self._turn.after.append(reply)
        self._dirty = True
        self._settle()

    @property
    def store_failure(self) -> str | None:
        """Why nothing can be made durable now; None when all is well."""
        return None if self._queue.failure is None else str(self._queue.failure)

    @property
    def drained(self) -> bool:
        """True when nothing waits for the store."""
        return not self._queue.waiting

    # ── acting ───────────────────────────────────────────────────────────────────────────────────────────────────
