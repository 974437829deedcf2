"""A whole connection as nodes: framing, handshake, encryption and node codec in one sans-I/O object per side.

    ClientChannel                               ServerChannel
    start() → intro, hello               →      receive(…) → Received(reply = hello)
    receive(…) → Received(reply = finish,  ←
                 established)            →      receive(…) → Received(established), client
    send(node) / receive(…)              ↔      receive(…) / send(node)

A `Received` holds bytes to send at once (handshake messages) and the nodes that arrived, in order.
"""

from dataclasses import dataclass, field

from whatsapp.certificates import WHATSAPP_ROOT_KEY
from whatsapp.decoder import decode
from whatsapp.encoder import encode
from whatsapp.errors import LocalProtocolError
from whatsapp.frames import MAX_FRAME_BYTES, FrameDecoder, encode_frame, intro_header
from whatsapp.keys import KeyPair, Rng
from whatsapp.nodes import Node
from whatsapp.noise import ClientFinish, Initiator, Responder, TransportCiphers


@dataclass(frozen=True, slots=True)
class Received:
    """What came out of some bytes. `established`: these bytes completed the handshake."""

    reply: bytes = field(default=b"", repr=False)
    nodes: tuple[Node, ...] = ()
    established: bool = False


class ClientChannel:
    """Our side. Every method may raise; after a RemoteProtocolError the connection must be closed."""

    __slots__ = ("_ciphers", "_frames", "_handshake", "_routing")

    def __init__(
        self,
        static: KeyPair,
        payload: bytes,
        rng: Rng,
        *,
        root_key: bytes = WHATSAPP_ROOT_KEY,
        routing: bytes = b"",
        max_frame_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        self._handshake = Initiator(static, payload, rng, root_key)
        self._frames = FrameDecoder(max_frame_bytes=max_frame_bytes)
        self._ciphers: TransportCiphers | None = None
        self._routing = routing

    @property
    def established(self) -> bool:
        return self._ciphers is not None

    def start(self) -> bytes:
        """The first WebSocket message: intro and hello."""
        return intro_header(self._routing) + encode_frame(self._handshake.hello())

    def receive(self, data: bytes, now_s: float) -> Received:
        """One WebSocket message. `now_s`: epoch seconds, for the certificates. Raises RemoteProtocolError."""
        nodes: list[Node] = []
        reply, established = b"", False
        for frame in self._frames.feed(data):
            if self._ciphers is None:
                finish, self._ciphers = self._handshake.receive_hello(frame, now_s)
                reply, established = encode_frame(finish), True
            else:
                nodes.append(decode(self._ciphers.receiving.decrypt(frame)))
        return Received(reply, tuple(nodes), established)

    def send(self, node: Node) -> bytes:
        """The WebSocket message that carries a node. LocalProtocolError before the handshake is complete."""
        return _send(self._ciphers, encode(node))


class ServerChannel:
    """The simulator's side; `client` tells who connected once the handshake is complete."""

    __slots__ = ("_ciphers", "_frames", "_greeted", "_handshake", "client")

    def __init__(self, static: KeyPair, certificates: bytes, rng: Rng) -> None:
        self._handshake = Responder(static, certificates, rng)
        self._frames = FrameDecoder(expect_intro=True)
        self._ciphers: TransportCiphers | None = None
        self._greeted = False
        self.client: ClientFinish | None = None

    @property
    def established(self) -> bool:
        return self._ciphers is not None

    @property
    def routing(self) -> bytes:
        """The edge routing bytes in front of the client's intro."""
        return self._frames.routing

    def receive(self, data: bytes) -> Received:
        """One WebSocket message. Raises RemoteProtocolError."""
        nodes: list[Node] = []
        reply, established = b"", False
        for frame in self._frames.feed(data):
            if self._ciphers is not None:
                nodes.append(decode(self._ciphers.receiving.decrypt(frame)))
            elif self._greeted:
                self.client, self._ciphers = self._handshake.receive_finish(frame)
                established = True
            else:
                reply, self._greeted = encode_frame(self._handshake.receive_hello(frame)), True
        return Received(reply, tuple(nodes), established)

    def send(self, node: Node) -> bytes:
        """The WebSocket message that carries a node."""
        return _send(self._ciphers, encode(node))

    def send_plaintext(self, plaintext: bytes) -> bytes:
        """A frame with any content: compressed nodes, or nonsense for fault tests."""
        return _send(self._ciphers, plaintext)


def _send(ciphers: TransportCiphers | None, plaintext: bytes) -> bytes:
    if ciphers is None:
        raise LocalProtocolError("no node can be sent before the handshake is complete")
    return encode_frame(ciphers.sending.encrypt(plaintext))
