"""How frames become WebSocket messages: one each, or otherwise on purpose (protocol §1, §5)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from whatsapp.channel import ServerChannel
from whatsapp.encoder import compress, encode
from whatsapp.frames import encode_frame
from whatsapp.nodes import Node

WAYS = ("compressed", "halves", "pairs", "bytes", "garbage", "garbled-node", "half-frame")


@dataclass(slots=True)
class Shaping:
    """`way`: one of WAYS, or "" for the usual one; `left`: for so many more frames, -1 for all.

    compressed: the node is deflated. halves: a frame in two messages. pairs: two frames in one message. bytes: a
    message per byte. garbage: a frame that does not decrypt. garbled-node: decrypts to no node. half-frame: the
    beginning of a frame whose end never comes.
    """

    way: str = ""
    left: int = 0
    _held: bytes = field(default=b"", repr=False)

    def set(self, way: str, count: int) -> None:
        self.way, self.left = way, count

    def messages(self, channel: ServerChannel, node: Node) -> list[bytes]:
        """The WebSocket messages of one node."""
        if self.left == 0:
            return [*self.rest(), channel.send(node)]
        self.left -= 1 if self.left > 0 else 0
        return list(self._shaped(channel, node))

    def rest(self) -> list[bytes]:
        """What was held back."""
        held, self._held = self._held, b""
        return [held] if held else []

    def _shaped(self, channel: ServerChannel, node: Node) -> Iterator[bytes]:
        match self.way:
            case "compressed":
                yield channel.send_plaintext(compress(encode(node)))
            case "garbage":
                yield encode_frame(bytes(40))
            case "garbled-node":
                yield channel.send_plaintext(b"\x00\xf8\x03\xff")
            case "pairs" if not self._held:
                self._held = channel.send(node)
            case "pairs":
                yield self.rest()[0] + channel.send(node)
            case _:
                yield from self._pieces(channel.send(node))

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        middle = len(data) // 2
        match self.way:
            case "halves":
                yield data[:middle]
                yield data[middle:]
            case "bytes":
                yield from (data[at : at + 1] for at in range(len(data)))
            case "half-frame":
                yield data[:middle]
            case _:
                yield data
