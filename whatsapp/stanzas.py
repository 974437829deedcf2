"""Which part takes which stanza."""

from core.failures import Failure
from whatsapp import acknowledgements as answers
from whatsapp import bounds, disconnects
from whatsapp.errors import LocalProtocolError, NodeError, ProtocolError
from whatsapp.incoming_receipts import IncomingReceipts
from whatsapp.jid import SERVER
from whatsapp.linking import Linking
from whatsapp.login import Login
from whatsapp.message_source import MAX_ID_CHARS
from whatsapp.nodes import Node
from whatsapp.notifications import Notifications
from whatsapp.receiving import Receiving
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

_ANSWERED = frozenset({"message", "receipt", "notification", "call"})
_TYPING = frozenset({"composing", "paused"})


class Stanzas:
    """The dispatch. Before login only what belongs to logging in and linking is taken."""

    def __init__(
        self,
        core: SessionCore,
        linking: Linking,
        login: Login,
        receiving: Receiving,
        receipts: IncomingReceipts,
        notifications: Notifications,
    ) -> None:
        self._core = core
        self._linking = linking
        self._login = login
        self._receiving = receiving
        self._receipts = receipts
        self._notifications = notifications

    def take(self, turn: Turn, node: Node) -> Failure | None:
        """Handle one stanza; a failure when it ends the connection."""
        match node.tag:
            case "stream:error":
                return disconnects.stream_error(node)
            case "failure":
                return disconnects.login_failure(node)
            case "xmlstreamend":
                return disconnects.stream_end()
            case "success":
                self._login.succeeded(turn, node)
            case "iq" | "ack":
                if not self._core.queries.answered(turn, node):
                    self._request(turn, node)
            case "ib":
                self._login.information(turn, node)
            case "notification":
                self._notifications.notification(turn, node)
            case _ if self._core.online:
                self._online(turn, node)
            case _:
                pass
        return None

    def refuse(self, turn: Turn, node: Node, error: ProtocolError) -> None:
        """What came of a stanza that cannot be: it is answered, or it would come again for ever, and told."""
        stanza, reason = (
            (node.optional("id") or "")[:MAX_ID_CHARS] or None,
            str(error)[: bounds.MAX_REASON_CHARS],
        )
        turn.emit("stanza.refused", tag=bounds.word(node.tag), id=stanza, reason=reason)
        if node.tag in _ANSWERED:
            code = None
            if node.tag == "message":
                code = (
                    answers.NACK_UNHANDLED if isinstance(error, LocalProtocolError) else answers.NACK_PARSING
                )
            turn.send(answers.ack(node, code))
        elif node.tag == "iq" and node.optional("type") in ("set", "get"):
            refused = Node.make("error", code=400, text="bad-request")
            turn.send(Node.make("iq", (refused,), to=SERVER, type="error", id=node.optional("id")))

    def _online(self, turn: Turn, node: Node) -> None:
        match node.tag:
            case "message":
                self._receiving.message(turn, node)
            case "receipt":
                self._receipts.receipt(turn, node)
            case "call":
                self._notifications.call(turn, node)
            case "chatstate":
                self._typing(turn, node)
            case "presence":
                kind, last = bounds.word(node.text_attr("type", "available")), node.optional("last")
                seen = None if last is None else bounds.word(last)
                turn.emit("presence.changed", user=str(node.jid_attr("from")), status=kind, last_seen=seen)
            case _:
                pass

    def _request(self, turn: Turn, node: Node) -> None:
        """The server asks us."""
        if node.tag != "iq" or node.optional("type") not in ("set", "get"):
            return
        if node.find("pair-device") is not None:
            self._linking.offer(turn, node)
        elif node.find("pair-success") is not None:
            if not self._core.account.linked:
                self._linking.scanned(turn, node)
        elif node.optional("xmlns") == "urn:xmpp:ping":
            turn.send(Node.make("iq", to=SERVER, type="result", id=node.text_attr("id")))

    def _typing(self, turn: Turn, node: Node) -> None:
        if len(node.children) != 1 or node.children[0].tag not in _TYPING:
            raise NodeError("<chatstate> without a known state")
        state = node.children[0]
        shown = "recording" if state.optional("media") == "audio" else state.tag
        chat = node.jid_attr("from")
        sender = node.optional_jid("participant") or chat
        turn.emit("chat.typing", chat=str(chat), sender=str(sender.without_device), state=shown)
