"""Nodes: the stanzas of binary XML (protocol §5) and how they are read.

Reading with these methods turns everything that a peer left out or got wrong into a NodeError that names the tag
and the attribute, never its value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from whatsapp.errors import NodeError
from whatsapp.jid import Jid

Attribute = str | Jid
Content = tuple["Node", ...] | bytes | str | None

MAX_INTEGER_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Node:
    """A tag, attributes, and children or bytes or nothing (rarely a text). Content stays out of the repr."""

    tag: str
    attrs: Mapping[str, Attribute] = field(default_factory=dict, repr=False)
    content: Content = field(default=None, repr=False)

    @classmethod
    def make(cls, tag: str, content: Content = None, **attrs: Attribute | int | None) -> "Node":
        """A node from keyword attributes; None leaves one out, `from_` and `class_` lose their underscore,
        numbers and truth values become text.
        """
        kept = {
            name.rstrip("_"): str(value).lower() if isinstance(value, int) else value
            for name, value in attrs.items()
            if value is not None
        }
        return cls(tag, kept, content)

    @property
    def children(self) -> tuple["Node", ...]:
        """The child nodes; empty when the content is something else."""
        return self.content if isinstance(self.content, tuple) else ()

    def all(self, tag: str) -> Iterator["Node"]:
        """The children with this tag, in order."""
        return (child for child in self.children if child.tag == tag)

    def find(self, *path: str) -> "Node | None":
        """The first child along a path of tags, or None."""
        node: Node | None = self
        for tag in path:
            node = next(node.all(tag), None) if node is not None else None
        return node

    def need(self, *path: str) -> "Node":
        """Like `find`, but a missing child is the peer's error."""
        found = self.find(*path)
        if found is None:
            raise NodeError(f"<{self.tag}> without <{'/'.join(path)}>")
        return found

    def text_attr(self, name: str, default: str | None = None) -> str:
        """An attribute as text; NodeError when it is missing and no default is given."""
        value = self.attrs.get(name, default)
        if value is None:
            raise NodeError(f"<{self.tag}> without attribute {name}")
        return str(value)

    def optional(self, name: str) -> str | None:
        """An attribute as text, or None."""
        value = self.attrs.get(name)
        return None if value is None else str(value)

    def jid_attr(self, name: str) -> Jid:
        """An attribute as an address, whether the peer wrote it as one or as text."""
        value = self.attrs.get(name)
        if value is None:
            raise NodeError(f"<{self.tag}> without attribute {name}")
        return value if isinstance(value, Jid) else Jid.parse(value)

    def optional_jid(self, name: str) -> Jid | None:
        """An attribute as an address, or None when it is missing."""
        return self.jid_attr(name) if name in self.attrs else None

    def int_attr(self, name: str, default: int | None = None) -> int:
        """An attribute as a non-negative decimal number; NodeError when it is none."""
        value = self.attrs.get(name)
        if value is None:
            if default is None:
                raise NodeError(f"<{self.tag}> without attribute {name}")
            return default
        return parse_integer(str(value), f"attribute {name} of <{self.tag}>")

    @property
    def data(self) -> bytes:
        """The content as bytes; the peer may have written it as text (protocol §22). Nodes are its error."""
        match self.content:
            case bytes():
                return self.content
            case str():
                return self.content.encode()
            case None:
                return b""
            case _:
                raise NodeError(f"<{self.tag}> with children where bytes belong")

    @property
    def text(self) -> str:
        """The content as text; NodeError when it is not UTF-8."""
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            raise NodeError(f"the content of <{self.tag}> is not UTF-8") from None

    def fixed(self, length_bytes: int) -> bytes:
        """The content, which must have exactly this length."""
        data = self.data
        if len(data) != length_bytes:
            raise NodeError(f"<{self.tag}> of {len(data)} bytes, must be {length_bytes}")
        return data


def parse_integer(text: str, what: str) -> int:
    """A non-negative decimal number of at most 20 digits, or NodeError naming `what`."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_INTEGER_DIGITS):
        raise NodeError(f"{what} is not a number")
    return int(text)
