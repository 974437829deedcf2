"""Questions of devices (`iq`) and their answers, by namespace (protocol §8 to §12)."""

from collections.abc import Callable, Mapping

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.knobs import Knobs
from simulator.whatsapp.messages import Reply
from simulator.whatsapp.server_core import ServerCore
from whatsapp.errors import ProtocolError
from whatsapp.jid import SERVER
from whatsapp.nodes import Attribute, Node

Children = tuple[Node, ...]
Answerer = Callable[[Spot, Node], Children]


class QueryError(Exception):
    """The answer is an error of this code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


NOT_FOUND = QueryError(404, "item-not-found")
FORBIDDEN = QueryError(403, "forbidden")
BAD_REQUEST = QueryError(400, "bad-request")


class Queries:
    """`answerers`: by namespace. A namespace that nobody knows gets an empty result, as far as clients care."""

    def __init__(self, core: ServerCore, knobs: Knobs, answerers: Mapping[str, Answerer]) -> None:
        self._core = core
        self._knobs = knobs
        self._answerers = answerers

    def take(self, spot: Spot, node: Node, reply: Reply) -> None:
        """One `iq`. What a device answers to the server needs nothing."""
        if node.optional("type") not in ("get", "set") or self._knobs.uses(spot, "no_answers"):
            return
        faults = self._knobs.uses(spot, "iq_errors")
        if faults is not None:
            reply(_error(node, faults.iq_error, "told to"))
            return
        answerer = self._answerers.get(node.text_attr("xmlns", ""))
        try:
            children = () if answerer is None else answerer(spot, node)
        except QueryError as error:
            reply(_error(node, error.code, str(error)))
        except ProtocolError as error:
            self._core.observed.complain(spot.key, f"iq {node.optional('xmlns')}: {error}")
            reply(_error(node, 400, "bad-request"))
        else:
            reply(Node("iq", _attrs(node, "result"), children or None))


def _error(node: Node, code: int, text: str) -> Node:
    return Node("iq", _attrs(node, "error"), (Node.make("error", code=code, text=text),))


def _attrs(node: Node, type_: str) -> dict[str, Attribute]:
    return {"from": node.attrs.get("to", SERVER), "type": type_, "id": node.text_attr("id")}
