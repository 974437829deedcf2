"""Receipts from others about our messages (protocol §13)."""

from hashlib import sha256
from typing import Any

from whatsapp import acknowledgements as answers
from whatsapp import lid_map
from whatsapp.bounds import MAX_TOLD_IDS
from whatsapp.message_source import parse_source, stanza_id
from whatsapp.nodes import Node
from whatsapp.receiving import PROCESSED
from whatsapp.resending import Resending
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

MAX_IDS = 1000
_STATES = {
    None: "delivered",
    "inactive": "delivered",
    "read": "read",
    "read-self": "read_by_us",
    "played": "played",
}


class IncomingReceipts:
    """Tells the application who got, read or played what; each receipt once. Retry requests go their own way."""

    def __init__(self, core: SessionCore, resending: Resending) -> None:
        self._core = core
        self._resending = resending

    def receipt(self, turn: Turn, node: Node) -> None:
        """One stanza."""
        kind = node.optional("type")
        if kind == "retry":
            self._resending.requested(turn, node)
            return
        turn.send(answers.ack(node))
        if kind not in _STATES:
            return
        if (grouped := node.find("participants")) is not None:
            for user in list(grouped.all("user"))[:MAX_IDS]:
                who = user.jid_attr("jid")
                ids = [stanza_id(grouped, "key") if "key" in grouped.attrs else stanza_id(node)]
                self._tell(turn, _STATES[kind], ids, str(node.jid_attr("from")), str(who), user.optional("t"))
            return
        source = parse_source(node, self._core.account)
        for one, other in source.pairs:
            lid_map.learn(turn.tx, one, other)
        ids = [source.id, *(stanza_id(item) for item in self._items(node))]
        for start in range(0, len(ids), MAX_TOLD_IDS):
            some, chat = ids[start : start + MAX_TOLD_IDS], str(source.chat)
            self._tell(turn, _STATES[kind], some, chat, str(source.sender), node.optional("t"))

    def _items(self, node: Node) -> list[Node]:
        listed = node.find("list")
        return [] if listed is None else list(listed.all("item"))[:MAX_IDS]

    def _tell(self, turn: Turn, state: str, ids: list[str], chat: str, sender: str, t: str | None) -> None:
        key = sha256("|".join(("receipt", state, chat, sender, *ids)).encode()).hexdigest()[:40]
        if PROCESSED.get(turn.tx, key) is not None:
            return
        PROCESSED.put(turn.tx, key)
        data: dict[str, Any] = {"ids": ids, "chat": chat, "sender": sender, "status": state}
        timestamp = int(t) if t is not None and t.isdecimal() and len(t) <= 12 else None
        turn.emit("message.receipt", **data, timestamp=timestamp)
