"""What the server saw: outlines of stanzas for whoever looks for a fault, and what clients did wrong.

Outlines hold tags and attributes and never contents: keys and ciphertexts stay out.
"""

from collections import Counter, deque
from dataclasses import dataclass, field

from whatsapp.nodes import Node

KEPT = 5000
MAX_DEPTH = 5
MAX_CHILDREN = 12


def outline(node: Node, depth: int = 0) -> str:
    """One line of XML-like text; byte contents only by their length."""
    attrs = "".join(f' {name}="{value}"' for name, value in node.attrs.items())
    if isinstance(node.content, bytes | str):
        return f"<{node.tag}{attrs}>{len(node.content)} bytes</{node.tag}>"
    if not node.children:
        return f"<{node.tag}{attrs}/>"
    if depth == MAX_DEPTH:
        return f"<{node.tag}{attrs}>…</{node.tag}>"
    inner = "".join(outline(child, depth + 1) for child in node.children[:MAX_CHILDREN])
    more = "…" if len(node.children) > MAX_CHILDREN else ""
    return f"<{node.tag}{attrs}>{inner}{more}</{node.tag}>"


@dataclass(frozen=True, slots=True)
class Seen:
    """`who`: `number:device`, or `link N` before the login. `outward`: from the server to the client."""

    at_s: float
    who: str
    outward: bool
    node: Node = field(repr=False)


class Observed:
    """`complaints`: what no client that keeps to the protocol does."""

    def __init__(self) -> None:
        self.seen: deque[Seen] = deque(maxlen=KEPT)
        self.complaints: deque[str] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()

    def note(self, at_s: float, who: str, outward: bool, node: Node) -> None:
        self.seen.append(Seen(at_s, who, outward, node))
        self.counts[f"{'sent' if outward else 'received'} {node.tag}"] += 1

    def complain(self, who: str, text: str) -> None:
        self.complaints.append(f"{who}: {text}")
        self.counts["complaints"] += 1
