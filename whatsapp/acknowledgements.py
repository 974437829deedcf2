"""The short answers to stanzas: acks and receipts (protocol §13). Exactly one of them per stanza."""

from collections.abc import Iterable

from whatsapp.jid import Jid
from whatsapp.nodes import Attribute, Node

NACK_UNKNOWN_STANZA = 488
NACK_PARSING = 487
NACK_INVALID_PROTOBUF = 491
NACK_MISSING_SECRET = 495
NACK_UNHANDLED = 500

_ECHOED = ("participant", "recipient")


def ack(node: Node, error: int | None = None) -> Node:
    """The answer to any stanza; with `error` it says why nothing came of it. A message's ack has no type."""
    attrs: dict[str, Attribute] = {"class": node.tag}
    for name in ("id", *_ECHOED):
        if name in node.attrs:
            attrs[name] = node.attrs[name]
    if "from" in node.attrs:
        attrs["to"] = node.attrs["from"]
    if "type" in node.attrs and node.tag != "message":
        attrs["type"] = node.attrs["type"]
    if error is not None:
        attrs["error"] = str(error)
    return Node("ack", attrs)


def receipt(node: Node, kind: str | None) -> Node:
    """The receipt for a message stanza; `kind` None = delivered."""
    attrs: dict[str, Attribute] = {"id": node.text_attr("id"), "to": node.attrs["from"]}
    for name in _ECHOED:
        if name in node.attrs:
            attrs[name] = node.attrs[name]
    if kind is not None:
        attrs["type"] = kind
    return Node("receipt", attrs)


def read_receipt(chat: Jid, sender: Jid | None, ids: Iterable[str], now_s: float, kind: str = "read") -> Node:
    """Tell that messages were read; in groups all of one `sender`."""
    first, *others = ids
    items = tuple(Node.make("item", id=one) for one in others)
    return Node.make(
        "receipt",
        (Node("list", {}, items),) if items else None,
        id=first,
        to=chat,
        type=kind,
        participant=sender,
        t=int(now_s),
    )
