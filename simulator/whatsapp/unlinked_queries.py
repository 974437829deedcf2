"""What a device may ask before it is linked."""

from simulator.whatsapp.code_linking import CodeLinking
from simulator.whatsapp.link import Link
from whatsapp.jid import SERVER
from whatsapp.nodes import Node


class UnlinkedQueries:
    """Pings, and pairing by code."""

    def __init__(self, codes: CodeLinking) -> None:
        self._codes = codes

    def take(self, link: Link, node: Node) -> None:
        """One `iq`."""
        reg = node.find("link_code_companion_reg") if node.optional("xmlns") == "md" else None
        answer = Node("iq", {"type": "result"}) if reg is None else self._codes.asked(link, reg)
        attrs = {**answer.attrs, "from": node.attrs.get("to", SERVER), "id": node.text_attr("id")}
        link.send(Node("iq", attrs, answer.content))
