"""One client connection at the server: handshake, then stanzas both ways."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.outputs import Hangup, Output, Write
from simulator.whatsapp.shaping import Shaping
from whatsapp import wire_pb2 as wire
from whatsapp.channel import ServerChannel
from whatsapp.nodes import Node


class Stage(Enum):
    """How far a connection is. SILENT: it is kept, read, and never answered again."""

    HANDSHAKE = auto()
    UNLINKED = auto()
    OPEN = auto()
    SILENT = auto()
    OVER = auto()


@dataclass(slots=True)
class Link:
    """`payload`: what the client told in the handshake. `spot`: the device, once it is logged in.

    `note`: told every node that is sent. `shaping`: how the next frames are written, for fault tests.
    """

    number: int
    channel: ServerChannel
    outputs: list[Output] = field(repr=False)
    note: Callable[["Link", Node], None] = field(repr=False)
    shaping: Shaping = field(default_factory=Shaping)
    stage: Stage = Stage.HANDSHAKE
    payload: wire.ClientPayload = field(default_factory=wire.ClientPayload, repr=False)
    spot: Spot | None = None

    @property
    def who(self) -> str:
        return f"link {self.number}" if self.spot is None else self.spot.key

    @property
    def noise(self) -> bytes:
        """The client's static key."""
        client = self.channel.client
        return b"" if client is None else client.client_static

    @property
    def writable(self) -> bool:
        return self.stage in (Stage.UNLINKED, Stage.OPEN)

    def send(self, node: Node) -> None:
        """Nothing is sent on a connection that is silent or over."""
        if self.writable:
            self.note(self, node)
            for message in self.shaping.messages(self.channel, node):
                self.write(message)

    def write(self, data: bytes) -> None:
        """A WebSocket message as it is."""
        self.outputs.append(Write(self.number, data))

    def end(self, *nodes: Node, abort: bool = False) -> None:
        """Last words, and the end of the connection."""
        for node in nodes:
            self.send(node)
        for message in self.shaping.rest():
            self.write(message)
        if self.stage is not Stage.OVER:
            self.outputs.append(Hangup(self.number, abort))
        self.over()

    def over(self) -> None:
        """The connection is gone."""
        self.stage = Stage.OVER
        if self.spot is not None and self.spot.device.link == self.number:
            self.spot.device.link = None
            self.spot.device.available = False
