"""Which part takes which stanza of a device that is logged in, or of a phone."""

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.delivery import Delivery
from simulator.whatsapp.knobs import Knobs
from simulator.whatsapp.messages import Messages, Reply
from simulator.whatsapp.presences import Presences
from simulator.whatsapp.queries import Queries
from simulator.whatsapp.receipts import Receipts
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Attribute, Node


class Stanzas:
    """The dispatch."""

    def __init__(
        self,
        core: ServerCore,
        delivery: Delivery,
        knobs: Knobs,
        messages: Messages,
        receipts: Receipts,
        presences: Presences,
        queries: Queries,
    ) -> None:
        self._core = core
        self._delivery = delivery
        self._knobs = knobs
        self._messages = messages
        self._receipts = receipts
        self._presences = presences
        self._queries = queries

    def take(self, spot: Spot, node: Node, reply: Reply) -> None:
        """One stanza. Raises ProtocolError when it cannot be."""
        match node.tag:
            case "message":
                quiet = self._knobs.swallows_ack(spot)
                self._messages.take(spot, node, _nothing if quiet else reply)
            case "receipt":
                self._receipts.take(spot, node, reply)
            case "ack":
                self._acknowledged(spot, node)
            case "iq":
                self._queries.take(spot, node, reply)
            case "presence":
                self._presences.presence(spot, node)
            case "chatstate":
                self._presences.typing(spot, node)
            case "call":
                self._call(spot, node, reply)
            case "ib":
                pass
            case _:
                self._core.observed.complain(spot.key, f"an unknown stanza <{node.tag}>")

    def _acknowledged(self, spot: Spot, node: Node) -> None:
        error = node.optional("error")
        if error is not None:
            self._core.observed.counts[f"nacks {error}"] += 1
        if self._delivery.answered(spot, node) is None:
            self._core.observed.counts["acks of nothing"] += 1

    def _call(self, spot: Spot, node: Node, reply: Reply) -> None:
        """Passed on to every device of the other side; what rings and what is hung up is theirs."""
        to = node.jid_attr("to")
        reply(Node.make("ack", class_="call", id=node.text_attr("id"), from_=to))
        called = self._core.accounts.of(to)
        attrs: dict[str, Attribute] = {"from": spot.jid(to.is_lid), "id": node.text_attr("id")}
        attrs["t"] = str(self._core.now)
        for target in [] if called is None else self._core.accounts.spots(called):
            self._delivery.deliver(target, Node("call", attrs, node.content))


def _nothing(node: Node) -> None:
    """An answer that is kept back."""
