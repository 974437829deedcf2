"""What the application is told about a received message: who, where, when, and the content's event."""

from typing import Any

from whatsapp import lid_map
from whatsapp import message_pb2 as wa
from whatsapp.errors import NodeError
from whatsapp.jid import Jid
from whatsapp.message_events import describe
from whatsapp.message_source import MessageSource
from whatsapp.nodes import Node
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

MAX_PUSH_NAME_CHARS = 256


class IncomingEvents:
    """Turns messages into events."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core

    def tell(self, turn: Turn, node: Node, source: MessageSource, message: wa.Message) -> None:
        """Emit the event of one message, if it holds anything for people."""
        event = describe(message)
        if event is not None:
            turn.emit(event.kind, **self.common(turn, node, source), **event.fields)
        self._learn_push_name(turn, node, source)

    def common(self, turn: Turn, node: Node, source: MessageSource) -> dict[str, Any]:
        """What every event about a message says. Times: epoch seconds. `…_pn`: where the number is known."""
        timestamp = node.optional("t") or ""
        return {
            "id": source.id,
            "chat": str(source.chat),
            "chat_pn": _number(turn, source.chat),
            "sender": str(source.sender.without_device),
            "sender_pn": _number(turn, source.sender.without_device),
            "sender_device": source.sender.device,
            "from_me": source.from_me,
            "timestamp": int(timestamp) if timestamp.isdecimal() and len(timestamp) <= 12 else None,
            "push_name": (node.optional("notify") or "")[:MAX_PUSH_NAME_CHARS] or None,
            "offline": "offline" in node.attrs,
        }

    def destination(self, message: wa.Message, source: MessageSource) -> Jid:
        """The chat that our other device wrote to; the stanza's when the message names none."""
        try:
            named = Jid.parse(message.device_sent_message.destination_jid)
        except NodeError:
            return source.chat
        return named.without_device if named.user else source.chat

    def _learn_push_name(self, turn: Turn, node: Node, source: MessageSource) -> None:
        """Our own push name arrives on what our other devices send (protocol §17)."""
        name = (node.optional("notify") or "")[:MAX_PUSH_NAME_CHARS]
        account = self._core.account
        if source.from_me and name and name != account.push_name:
            account.with_(push_name=name).save(turn.tx)


def _number(turn: Turn, jid: Jid) -> str | None:
    pn = lid_map.pn_of(turn.tx, jid) if jid.is_user else None
    return None if pn is None else str(pn)
