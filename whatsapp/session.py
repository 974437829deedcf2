"""A whole WhatsApp session as a `core.protocol.Protocol`: bytes, timers and commands in, effects out.

    on_open ─▶ handshake ─▶ not linked: QR codes, pairing code ─▶ pair-success ─▶ RESTART ─▶ on_open
                          └▶ linked: success ─▶ open: messages, receipts, notifications, commands

The session works on state in memory; each turn's changes come out as one `Persist` in front of everything else the
turn wants, so that keys are durable before the ciphertext that used them leaves, and an event is durable together
with the id that keeps it from happening twice. Bad input never raises: it is answered, told, or ends the connection.
"""

from collections import deque
from collections.abc import Callable

from core.effects import Change, Disconnected, Emit, Persist, ProtocolEffect, Reply, Send
from core.failures import Failure, FailureKind
from core.protocol import Command, Endpoint, Invoke, SendContent
from whatsapp import keepalive, linking, prekeys, queries
from whatsapp.account import ACCOUNT, Account
from whatsapp.channel import ClientChannel
from whatsapp.client_payload import login_payload, registration_payload
from whatsapp.commands import parse_command
from whatsapp.contents import build
from whatsapp.disconnects import ERASING
from whatsapp.errors import LocalProtocolError, ProtocolError, RemoteProtocolError
from whatsapp.groups import names_by_lid
from whatsapp.keys import Rng
from whatsapp.login import ROUTING
from whatsapp.nodes import Node
from whatsapp.session_core import SessionCore
from whatsapp.session_parts import Parts
from whatsapp.session_settings import SessionSettings
from whatsapp.state import MemoryState
from whatsapp.turn import Turn

MAX_OUTLINES = 5
_OUTLINE = ("id", "type", "xmlns", "to")


class Session:
    """One linked (or to be linked) device. `wall_s`: epoch seconds now; `state`: all that is stored, loaded."""

    def __init__(
        self, settings: SessionSettings, state: MemoryState, rng: Rng, wall_s: Callable[[], float]
    ) -> None:
        self._core = SessionCore(settings, rng, wall_s, state)
        self._parts = Parts(self._core)
        self._channel: ClientChannel | None = None
        self._over = False
        self._sent: deque[dict[str, str]] = deque(maxlen=MAX_OUTLINES)

    @property
    def linked(self) -> bool:
        """Whether this device belongs to an account."""
        account = self._core.stored_account
        return account is not None and account.linked

    @property
    def online(self) -> bool:
        """Whether the session is logged in on the present connection."""
        return self._core.online

    def endpoint(self) -> Endpoint:
        settings = self._core.settings
        headers = (("Origin", settings.origin), ("Cache-Control", "no-cache"), ("Pragma", "no-cache"))
        return Endpoint(
            settings.url, headers, proxy=settings.proxy, ca_file=settings.ca_file, ping_interval_s=None
        )

    def on_open(self, now_s: float) -> list[ProtocolEffect]:
        turn = Turn(self._core.state, now_s)
        self._over = False
        self._sent.clear()
        self._parts.restart()
        try:
            hello = self._begin(turn)
        except (ProtocolError, ValueError) as error:
            self._over = True
            return [Disconnected(Failure(FailureKind.CONFIG, f"the stored account cannot be used: {error}"))]
        return [*self._finish(turn), Send(hello)]

    def on_message(self, data: bytes | str, now_s: float) -> list[ProtocolEffect]:
        if self._channel is None or self._over:
            return []
        if isinstance(data, str):
            return self._broken("text message from the server", now_s)
        try:
            received = self._channel.receive(data, self._core.wall_s())
        except ProtocolError as error:
            return self._broken(str(error), now_s)
        turn = Turn(self._core.state, now_s)
        for node in received.nodes:
            if not self._over:
                self._node(turn, node)
                self._adopt(turn)
        effects = self._finish(turn)
        if not received.reply:
            return effects
        durable = [effect for effect in effects if isinstance(effect, Persist)]
        return [*durable, Send(received.reply), *(one for one in effects if not isinstance(one, Persist))]

    def on_timer(self, name: str, now_s: float) -> list[ProtocolEffect]:
        timers = {
            queries.TIMER: self._core.queries.expire,
            keepalive.TIMER: self._parts.keepalive.ping,
            linking.TIMER: self._parts.linking.show_next,
        }
        act = timers.get(name)
        if act is None or self._channel is None or self._over:
            return []
        return self._turn(now_s, act)

    def on_command(self, command: Command, now_s: float) -> list[ProtocolEffect]:
        def act(turn: Turn) -> None:
            try:
                with turn.attempt():
                    self._command(turn, command)
            except ProtocolError as error:
                turn.reply(command.ref, str(error))

        return self._turn(now_s, act)

    def on_persisted(self, batch: int, now_s: float) -> list[ProtocolEffect]:
        return []

    def on_closed(self, code: int | None, reason: str) -> list[ProtocolEffect]:
        self._channel = None
        self._core.online = False

        def act(turn: Turn) -> None:
            self._parts.outbound.lost(turn)
            self._core.queries.drop_all(turn)

        effects = self._turn(0.0, act)
        return [effect for effect in effects if isinstance(effect, Persist | Emit | Reply)]

    # ── inside a turn ────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, turn: Turn) -> bytes:
        """Who connects, and the first bytes."""
        core = self._core
        account = Account.load(turn.tx) or Account.create(turn.tx, core.rng, core.wall_s())
        core.stored_account = account
        if account.linked:
            payload = login_payload(account, core.settings)
        else:
            payload = registration_payload(account, prekeys.signed(turn.tx), core.settings)
        self._channel = ClientChannel(
            account.noise,
            payload,
            core.rng,
            root_key=core.settings.root_key,
            routing=turn.tx.get(ROUTING, "") or b"",
        )
        return self._channel.start()

    def _node(self, turn: Turn, node: Node) -> None:
        self._parts.keepalive.heard()
        try:
            with turn.attempt():
                failure = self._parts.stanzas.take(turn, node)
                if failure is not None:
                    self._end(turn, failure)
        except ProtocolError as error:
            self._parts.stanzas.refuse(turn, node, error)
        self._over = self._over or turn.ended

    def _command(self, turn: Turn, command: Command) -> None:
        match command:
            case Invoke():
                self._parts.requests.invoke(turn, command)
            case SendContent():
                if not self._core.online or self._over:
                    turn.reply(command.ref, "the session is not open", retry=True)
                    return
                wanted, account, wall_s = parse_command(command.data), self._core.account, self._core.wall_s()
                outgoing = build(command.ref, wanted, account, wall_s, names_by_lid(turn.tx, wanted.to))
                self._parts.outbound.submit(turn, outgoing)

    def _end(self, turn: Turn, failure: Failure) -> None:
        """The server ends the connection; with the link gone, what is stored is worthless."""
        if failure.kind is FailureKind.UPSTREAM and failure.status == 500:
            self._parts.outbound.blame(turn)
            turn.emit("stream.refused", reason=failure.text, sent=list(self._sent))
        if failure.kind in ERASING:
            self._parts.erase(turn, failure.text)
        turn.disconnect(
            failure.kind, failure.text, status=failure.status, retry_after_s=failure.retry_after_s
        )

    def _turn(self, now_s: float, act: Callable[[Turn], None]) -> list[ProtocolEffect]:
        turn = Turn(self._core.state, now_s)
        try:
            with turn.attempt():
                act(turn)
        except ProtocolError as error:
            turn.emit("session.error", reason=str(error))
        self._over = self._over or turn.ended
        return self._finish(turn)

    def _broken(self, why: str, now_s: float) -> list[ProtocolEffect]:
        self._over = True
        return [Disconnected(Failure(FailureKind.PROTOCOL, why))]

    def _adopt(self, turn: Turn) -> None:
        """Later stanzas of this turn see an account that an earlier one changed."""
        if any(change.space == ACCOUNT for change in turn.tx.changes()):
            self._core.stored_account = Account.load(turn.tx)

    def _finish(self, turn: Turn) -> list[ProtocolEffect]:
        """Changes first, then everything else in order, nodes encrypted."""
        self._adopt(turn)
        changes: tuple[Change, ...] = turn.tx.changes()
        self._core.state.apply(changes)
        effects: list[ProtocolEffect] = [Persist(changes)] if changes else []
        for wanted in turn.wanted:
            if not isinstance(wanted, Node):
                effects.append(wanted)
            elif self._channel is not None:
                effects.append(self._encrypted(wanted, self._channel))
        return effects

    def _encrypted(self, node: Node, channel: ClientChannel) -> ProtocolEffect:
        try:
            sent = Send(channel.send(node))
        except (LocalProtocolError, RemoteProtocolError) as error:
            return Emit("stanza.unsendable", {"tag": node.tag, "reason": str(error)})
        self._sent.append(
            {"tag": node.tag} | {name: str(node.attrs[name]) for name in _OUTLINE if name in node.attrs}
        )
        return sent
