"""Bytes to nodes (protocol §5). Hostile input ends in NodeError: depth, number of items and lengths are bounded."""

from whatsapp import tokens
from whatsapp.errors import MessageFormatError, NodeError
from whatsapp.inflate import inflate
from whatsapp.jid import DOMAIN_SERVERS, Jid
from whatsapp.nodes import Attribute, Content, Node

COMPRESSED = 0x02
MAX_DEPTH = 64
MAX_ITEMS = (
    500_000  # nodes and attributes together; a listing of many large groups has some tens of thousands
)
JID_TAGS = (tokens.JID_PAIR, tokens.AD_JID, tokens.FB_JID, tokens.INTEROP_JID)
FROM_HEX_DIGITS = str.maketrans("ab", "-.")
NO_DIGITS = frozenset("cdef")


def decode(plaintext: bytes) -> Node:
    """The one node in a frame's plaintext. Raises NodeError for anything else, also for bytes behind the node."""
    if not plaintext:
        raise NodeError("empty frame")
    body = plaintext[1:]
    if plaintext[0] & COMPRESSED:
        try:
            body = inflate(body)
        except MessageFormatError as error:
            raise NodeError(str(error)) from None
    reader = _Reader(body)
    node = reader.node(reader.byte(), 0)
    if reader.left:
        raise NodeError(f"{reader.left} bytes behind the node")
    return node


class _Reader:
    __slots__ = ("_data", "_items", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._items = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._position

    def take(self, count: int) -> bytes:
        start, end = self._position, self._position + count
        if end > len(self._data):
            raise NodeError(f"{count} bytes announced at {start}, {len(self._data) - start} are left")
        self._position = end
        return self._data[start:end]

    def byte(self) -> int:
        position = self._position
        if position >= len(self._data):
            raise NodeError(f"the node ends early at {position}")
        self._position = position + 1
        return self._data[position]

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def node(self, tag: int, depth: int) -> Node:
        size = self.byte() if tag == tokens.LIST_8 else self.list_size(tag)
        self._items += 1 + size // 2
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise NodeError(f"more than {MAX_DEPTH} levels or {MAX_ITEMS} nodes and attributes")
        if size == 0:
            raise NodeError(f"a node without a tag at {self._position}")
        name = self.text(self.byte())
        if not name:
            raise NodeError(f"a node with an empty tag at {self._position}")
        attrs: dict[str, Attribute] = {}
        for _ in range((size - 1) // 2):
            key = self.text(self.byte())
            attrs[key] = self.attribute(self.byte())
        content = self.content(self.byte(), depth) if size % 2 == 0 else None
        return Node(name, attrs, content)

    def list_size(self, tag: int) -> int:
        match tag:
            case tokens.LIST_EMPTY:
                return 0
            case tokens.LIST_8:
                return self.byte()
            case tokens.LIST_16:
                return self.integer(2)
            case _:
                raise NodeError(f"byte {tag} at {self._position - 1} where a list must begin")

    def content(self, tag: int, depth: int) -> Content:
        match tag:
            case tokens.LIST_EMPTY:
                return ()
            case tokens.LIST_8 | tokens.LIST_16:
                return tuple(self.node(self.byte(), depth + 1) for _ in range(self.list_size(tag)))
            case tokens.BINARY_8 | tokens.BINARY_20 | tokens.BINARY_32:
                return self.take(self.binary_length(tag))
            case _:
                return str(self.attribute(tag))

    def attribute(self, tag: int) -> Attribute:
        if tag not in JID_TAGS:
            return self.text(tag)
        match tag:
            case tokens.JID_PAIR:
                return Jid(self.text(self.byte()), self.server())
            case tokens.AD_JID:
                domain, device = self.byte(), self.byte()
                if domain not in DOMAIN_SERVERS:
                    raise NodeError(f"unknown address domain {domain}")
                return Jid(self.text(self.byte()), DOMAIN_SERVERS[domain], device)
            case tokens.FB_JID:
                user, device = self.text(self.byte()), self.integer(2)
                return Jid(user, self.server(), device)
            case _:
                user, device, integrator = self.text(self.byte()), self.integer(2), self.integer(2)
                return Jid(user, self.server(), device, integrator)

    def server(self) -> str:
        server = self.text(self.byte())
        if not server:
            raise NodeError("an address without a server")
        return server

    def text(self, tag: int) -> str:
        if tag < tokens.FIRST_DICTIONARY:  # the most frequent case; index 0 is the empty text
            return tokens.SINGLE[tag]
        if tag < tokens.FIRST_DICTIONARY + len(tokens.DOUBLE):
            return tokens.DOUBLE[tag - tokens.FIRST_DICTIONARY][self.byte()]
        match tag:
            case tokens.NIBBLE_8 | tokens.HEX_8:
                return self.packed(tag)
            case tokens.BINARY_8 | tokens.BINARY_20 | tokens.BINARY_32:
                return self.utf8(self.binary_length(tag))
            case _:
                raise NodeError(f"byte {tag} at {self._position - 1} where a text must begin")

    def binary_length(self, tag: int) -> int:
        match tag:
            case tokens.BINARY_8:
                return self.byte()
            case tokens.BINARY_20:
                return self.integer(3) & 0xFFFFF
            case _:
                return self.integer(4)

    def utf8(self, length: int) -> str:
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise NodeError(f"text before {self._position} is not UTF-8") from None

    def packed(self, tag: int) -> str:
        header = self.byte()
        digits = self.take(header & 0x7F).hex()
        if header & 0x80:
            if not digits.endswith("f"):
                raise NodeError("packed text of odd length without its padding")
            digits = digits[:-1]
        if tag == tokens.HEX_8:
            return digits.upper()
        if not NO_DIGITS.isdisjoint(digits):
            raise NodeError("packed number with a digit that does not exist")
        return digits.translate(FROM_HEX_DIGITS)
