"""A whole connection as nodes: framing, handshake, encryption and node codec in one sans-I/O object per side.

    ClientChannel                               ServerChannel
    start() → intro, hello               →      receive(…) → Received(reply = hello)
    receive(…) → Received(reply = finish,  ←
                 established)            →      receive(…) → Received(established), client
    send(node) / receive(…)              ↔      receive(…) / send(node)

A `Received` holds bytes to send at once (handshake messages) and the nodes that arrived, in order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from whatsapp.certificates import WHATSAPP_ROOT_KEY
from whatsapp.decoder import decode
from whatsapp.encoder import encode
from whatsapp.errors import LocalProtocolError, RemoteProtocolError
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


class _Channel:
    """What both sides share: frames in, handshake until there are ciphers, then nodes."""

    __slots__ = ("_broken", "_ciphers", "_frames")

    def __init__(self, frames: FrameDecoder) -> None:
        self._frames = frames
        self._ciphers: TransportCiphers | None = None
        self._broken = False

    @property
    def established(self) -> bool:
        """Whether the handshake is complete."""
        return self._ciphers is not None

    def send(self, node: Node) -> bytes:
        """The WebSocket message that carries a node. LocalProtocolError before the handshake is complete."""
        return self.send_plaintext(encode(node))

    def send_plaintext(self, plaintext: bytes) -> bytes:
        """A frame with any content: compressed nodes, or nonsense for fault tests."""
        if self._broken or self._ciphers is None:
            raise LocalProtocolError("nothing can be sent: the connection is not established or over")
        return encode_frame(self._ciphers.sending.encrypt(plaintext))

    def _receive(self, data: bytes, handshake: Callable[[bytes], bytes]) -> Received:
        if self._broken:
            raise LocalProtocolError("nothing can be received: the connection is over")
        nodes: list[Node] = []
        reply, before = b"", self.established
        try:
            for frame in self._frames.feed(data):
                if self._ciphers is None:
                    reply += handshake(frame)
                else:
                    nodes.append(decode(self._ciphers.receiving.decrypt(frame)))
        except RemoteProtocolError:
            self._broken = True
            raise
        return Received(reply, tuple(nodes), self.established and not before)


class ClientChannel(_Channel):
    """Our side. After a RemoteProtocolError the connection is over: close it.

    `static`: the instance's noise key. `payload`: ClientPayload bytes. `routing`: what the server gave (§8).
    """

    __slots__ = ("_handshake", "_routing")

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
        super().__init__(FrameDecoder(max_frame_bytes=max_frame_bytes))
        self._handshake = Initiator(static, payload, rng, root_key)
        self._routing = routing

    def start(self) -> bytes:
        """The first WebSocket message: intro and hello."""
        return intro_header(self._routing) + encode_frame(self._handshake.hello())

    def receive(self, data: bytes, now_s: float) -> Received:
        """One WebSocket message. `now_s`: epoch seconds, for the certificates. Raises RemoteProtocolError."""

        def handshake(frame: bytes) -> bytes:
            finish, self._ciphers = self._handshake.receive_hello(frame, now_s)
            return encode_frame(finish)

        return self._receive(data, handshake)


class ServerChannel(_Channel):
    """The simulator's side; `client` tells who connected once the handshake is complete."""

    __slots__ = ("_greeted", "_handshake", "client")

    def __init__(self, static: KeyPair, certificates: bytes, rng: Rng) -> None:
        super().__init__(FrameDecoder(expect_intro=True))
        self._handshake = Responder(static, certificates, rng)
        self._greeted = False
        self.client: ClientFinish | None = None

    @property
    def routing(self) -> bytes:
        """The edge routing bytes in front of the client's intro."""
        return self._frames.routing

    def receive(self, data: bytes) -> Received:
        """One WebSocket message. Raises RemoteProtocolError."""
        return self._receive(data, self._shake_hands)

    def _shake_hands(self, frame: bytes) -> bytes:
        if not self._greeted:
            self._greeted = True
            return encode_frame(self._handshake.receive_hello(frame))
        self.client, self._ciphers = self._handshake.receive_finish(frame)
        return b""
