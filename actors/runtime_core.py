"""How a runtime decides and acts: events into effects, effects into deeds, durable things first."""

from collections.abc import Callable
from typing import Any, assert_never

from actors.durable import DurableQueue
from actors.eventfeed import EventFeed
from actors.ports import Answer, Ports, SessionPort, TransportPort
from actors.transport import Closed, Lost, Opened, Received, TransportEvent
from actors.turn import OfConnection, Turn
from core import link as links
from core import link_events as events
from core import outbox as outboxes
from core.config import Settings
from core.effects import (
    AskPermit,
    Authenticated,
    CloseTransport,
    Dial,
    Disconnected,
    LinkEffect,
    ProtocolEffect,
    Publish,
    Record,
    Reply,
    ReportDial,
    Send,
    WakeAt,
    WakeLink,
)
from core.instances import InstanceConfig
from core.link_state import Context, Link, LinkState, export
from core.messages import Address, CommandReply
from core.outbox import Outbox, Pause, Transmit
from core.protocol import Protocol, SendContent
from core.records import InstanceRecord, MessageOutcome
from store.errors import StoreFailed

STORE_RETRY_S = 1.0


class RuntimeCore:
    """State and interpreter; `actors.runtime.Runtime` adds the turns that a host may call."""

    def __init__(
        self,
        record: InstanceRecord,
        settings: Settings,
        link: Link,
        outbox: Outbox,
        session: SessionPort,
        feed_numbers: tuple[int, int],
        transport: TransportPort,
        make_protocol: Callable[[InstanceConfig, Settings], Protocol],
        ports: Ports,
    ) -> None:
        self.record = record
        self.settings = settings
        self.link = link
        self.outbox = outbox
        self.transport = transport
        self.ports = ports
        self.feed = EventFeed(session.unsent, session.acknowledge, ports.to_journal, *feed_numbers)
        self._session = session
        self._make_protocol = make_protocol
        self._protocol = make_protocol(record.config, settings)
        self._queue = DurableQueue(session, self._act)
        self._turn = Turn()
        self._dirty = False
        self._timers: dict[str, int] = {}
        self._timer = 0
        self._armed_s: float | None = None
        self._live: int | None = None  # the epoch of the connection that is open now
        self._broken = False
        self._forced: list[tuple[Address, str]] = []
        self.forced_at_s: float | None = None
        self._paused_outbox_s: float | None = None

    def _step(self, event: events.Event) -> None:
        context = Context(self.ports.now_s(), self.ports.random(), self.settings)
        self.link, effects = links.step(self.link, event, context)
        for effect in effects:
            self._link_effect(effect)

    def _link_effect(self, effect: LinkEffect) -> None:
        match effect:
            case Record():
                self.ports.log(effect)
                self._turn.note(effect, self.link, self.ports.now_s(), self.ports.wall_s())
            case Publish():
                self._dirty = True
                self._keep_link()
            case _:
                self._turn.after.append(effect)

    def _keep_link(self) -> None:
        """The link's state, and what the host wants kept beside it, become durable with this turn."""
        kept = export(self.link, self.ports.now_s(), self.ports.wall_s())
        self._turn.batch.link_state = kept | self.ports.carried()

    def _protocol_did(self, effects: list[ProtocolEffect]) -> None:
        self._turn.protocol(effects, self._live, self.ports.wall_s())

    def _transport_event(self, event: TransportEvent) -> None:
        now_s = self.ports.now_s()
        match event:
            case Opened():
                self._step(events.Opened(event.epoch))
                if self.link.state is LinkState.AUTHENTICATING and event.epoch == self.link.epoch:
                    self._live, self._broken = event.epoch, False
                    self._protocol_did(self._protocol.on_open(now_s))
            case Received():
                if event.epoch == self.link.epoch and self.link.state in (
                    LinkState.AUTHENTICATING,
                    LinkState.OPEN,
                ):
                    self._protocol_did(self._protocol.on_message(event.data, now_s))
            case Lost():
                self._disconnected(event.code, event.reason)
                self._step(events.Lost(event.epoch, event.failure))
            case Closed():
                self._disconnected(event.code, event.reason)
                self._step(events.Closed(event.epoch))

    def _disconnected(self, code: int | None, reason: str) -> None:
        self._live = None
        self._timers.clear()
        self.outbox = outboxes.link_closed(self.outbox)
        self._protocol_did(self._protocol.on_closed(code, reason))

    def _settle(self) -> None:
        """Make the turn durable, act, and go on until nothing is left to do; then tell the others."""
        while True:
            if not self._turn:
                self._pump_outbox()  # what it reads from the store is there: this turn's own was written before
            if not self._turn:
                break
            batch, after = self._turn.take()
            self.feed.last += len(batch.events)
            self._queue.add(batch, after)
        if self._queue.failure is not None:
            self.ports.wake(STORE_RETRY_S, "store", 0)
        self.feed.pump(self.ports.now_s(), self.settings.events)
        self._throttle()
        self._arm()
        if self._dirty:
            self._dirty = False
            self.ports.report()

    def _act(self, effect: Any) -> None:
        now_s = self.ports.now_s()
        match effect:
            case AskPermit():
                self.ports.ask_permit(effect.epoch, effect.probe)
            case ReportDial():
                self.ports.report_dial(effect.failed)
            case Dial():
                self._dial(effect)
            case CloseTransport():
                self.transport.close(effect.code, effect.reason)
            case WakeLink():
                self.ports.wake(max(0.0, effect.at_s - now_s), f"link:{effect.name}", effect.timer)
            case OfConnection():
                self._act_on_connection(effect, now_s)
            case Answer():
                self.ports.answer(effect.reply_to, effect.reply)
            case _:
                raise TypeError(f"no effect: {effect!r}")

    def _act_on_connection(self, stamped: OfConnection, now_s: float) -> None:
        """A store that answers late may bring this when its connection is gone, and another one on its way or open."""
        over = stamped.epoch != self._live
        match stamped.effect:
            case Reply() as reply:
                self._replied(reply, unsent=stamped.behind_send and (over or self._broken))
            case _ if over:
                pass
            case Send(data, text):
                self._broken = self._broken or self.transport.send(data, text) is not None
            case WakeAt(name, at_s):
                self._timer += 1
                self._timers[name] = self._timer
                self.ports.wake(max(0.0, at_s - now_s), f"protocol:{name}", self._timer)
            case Authenticated():
                self._step(events.Authenticated())
            case Disconnected(failure):
                self._step(events.ProtocolFailed(failure))
            case _ as never:
                assert_never(never)

    def _dial(self, effect: Dial) -> None:
        if self._moved:
            self._moved = False
            self._protocol = self._make_protocol(self.record.config, self.settings)
        self.transport.dial(self._protocol.endpoint(), effect.epoch)
        started, self._forced = self._forced, []
        for reply_to, ref in started:
            self.ports.answer(reply_to, CommandReply(ref, True))

    def _pump_outbox(self) -> None:
        if self.link.state is not LinkState.OPEN or self._broken or self._queue.waiting:
            return
        now_s = self.ports.now_s()
        self.outbox, action = outboxes.next_send(self.outbox, now_s)
        match action:
            case Transmit(message_id):
                self._transmit(message_id, now_s)
            case Pause(until_s) if until_s != self._paused_outbox_s:
                self._paused_outbox_s = until_s
                self.ports.wake(max(0.0, until_s - now_s), "outbox", 0)

    def _transmit(self, message_id: str, now_s: float) -> None:
        try:
            message = self._session.message(message_id)
        except StoreFailed as failure:
            return self._replied(Reply(message_id, str(failure), retry=True))
        if message is None:
            return self._replied(Reply(message_id, "the message is not stored any more"))
        return self._protocol_did(self._protocol.on_command(SendContent(message_id, message.data), now_s))

    def _replied(self, reply: Reply, unsent: bool = False) -> None:
        """The protocol's answer for one message; a send that broke the link is tried again on the next one."""
        error, retry = ("the link broke while sending", True) if unsent else (reply.error, reply.retry)
        now_s, wall_s = self.ports.now_s(), self.ports.wall_s()
        self.outbox, done = outboxes.answered(self.outbox, reply.ref, error, retry, now_s, wall_s)
        if done is not None:
            self._finished(done)

    def _finished(self, message: MessageOutcome) -> None:
        self._turn.finished(message, self.ports.wall_s())
        self._dirty = True

    def _throttle(self) -> None:
        """Stop reading while too much waits for the journal or the store."""
        limit = self.settings.events.max_unsent
        if self.feed.count >= limit or self._queue.failure is not None:
            self.transport.stop_reading()
        elif self.feed.count <= limit // 2:
            self.transport.resume_reading()

    def _arm(self) -> None:
        """One wake-up for the transport's next deadline."""
        deadline_s = self.transport.deadline_s()
        if deadline_s is None or (self._armed_s is not None and self._armed_s <= deadline_s + 0.001):
            return
        self._armed_s = deadline_s
        self.ports.wake(max(0.0, deadline_s - self.ports.now_s()), "transport", 0)

    _moved = False
