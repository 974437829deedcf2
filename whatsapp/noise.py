"""The Noise handshake, both sides (protocol §2): Noise_XX_25519_AESGCM_SHA256 with one deviation.

    client                               server
    hello    {ephemeral}           →
                                   ←     hello {ephemeral, encrypted static, encrypted certificate chain}
    finish   {encrypted static, encrypted client payload} →
    both split into one transport cipher per direction

The deviation: the empty payload of the first message is not mixed into the hash, although the Noise specification
wants it mixed when no key is set yet.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from whatsapp import wire_pb2 as wire
from whatsapp.certificates import WHATSAPP_ROOT_KEY, verify_chain
from whatsapp.ciphers import TransportCipher, nonce
from whatsapp.errors import HandshakeError, LocalProtocolError, MessageFormatError, RemoteProtocolError
from whatsapp.frames import INTRO
from whatsapp.keys import KEY_BYTES, KeyPair, Rng
from whatsapp.protobufs import parse

PROTOCOL_NAME = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"  # 32 bytes already, so it is not hashed
MAX_HANDSHAKE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class TransportCiphers:
    """The established connection from one side's view."""

    sending: TransportCipher
    receiving: TransportCipher


@dataclass(frozen=True, slots=True)
class ClientFinish:
    """What the server learned: who the client is (its static key) and what it wants (ClientPayload bytes)."""

    client_static: bytes
    payload: bytes = field(repr=False)


class HandshakeHash:
    """The symmetric state: transcript hash, chaining key, and the current key with its counter."""

    __slots__ = ("_chaining_key", "_counter", "_key", "hash")

    def __init__(self) -> None:
        self.hash = PROTOCOL_NAME
        self._chaining_key = PROTOCOL_NAME
        self._key = PROTOCOL_NAME
        self._counter = 0
        self.mix_hash(INTRO)

    def mix_hash(self, data: bytes) -> None:
        self.hash = sha256(self.hash + data).digest()

    def mix_key(self, secret: bytes) -> None:
        self._chaining_key, self._key = self._derive(secret)
        self._counter = 0

    def encrypt(self, plaintext: bytes) -> bytes:
        ciphertext = AESGCM(self._key).encrypt(nonce(self._counter), plaintext, self.hash)
        self._counter += 1
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt(self, ciphertext: bytes, what: str) -> bytes:
        try:
            plaintext = AESGCM(self._key).decrypt(nonce(self._counter), ciphertext, self.hash)
        except (InvalidTag, ValueError):
            raise HandshakeError(f"handshake: {what} does not authenticate") from None
        self._counter += 1
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[bytes, bytes]:
        """The client's and the server's sending key."""
        return self._derive(b"")

    def _derive(self, secret: bytes) -> tuple[bytes, bytes]:
        output = HKDF(algorithm=SHA256(), length=64, salt=self._chaining_key, info=b"").derive(secret)
        return output[:32], output[32:]


class Step(Enum):
    """What this side does next."""

    SEND_HELLO = auto()
    RECEIVE_HELLO = auto()
    RECEIVE_FINISH = auto()
    DONE = auto()


class Initiator:
    """The client's handshake: `hello()`, then `receive_hello(...)`; one object per connection.

    `static`: the instance's noise key. `payload`: ClientPayload bytes. `root_key`: who must have signed the chain.
    """

    __slots__ = ("_ephemeral", "_payload", "_root_key", "_state", "_static", "_step")

    def __init__(
        self, static: KeyPair, payload: bytes, rng: Rng, root_key: bytes = WHATSAPP_ROOT_KEY
    ) -> None:
        self._static = static
        self._payload = payload
        self._root_key = root_key
        self._ephemeral = KeyPair.generate(rng)
        self._state = HandshakeHash()
        self._step = Step.SEND_HELLO

    def hello(self) -> bytes:
        """The first message."""
        _expect(self._step, Step.SEND_HELLO)
        self._step = Step.RECEIVE_HELLO
        self._state.mix_hash(self._ephemeral.public)
        hello = wire.HandshakeMessage.ClientHello(ephemeral=self._ephemeral.public)
        return wire.HandshakeMessage(client_hello=hello).SerializeToString()

    def receive_hello(self, message: bytes, now_s: float) -> tuple[bytes, TransportCiphers]:
        """The server's answer → our finish message and the ciphers. `now_s`: epoch seconds, for the certificates.

        Raises HandshakeError (CertificateError for the chain); the handshake cannot be continued after that.
        """
        _expect(self._step, Step.RECEIVE_HELLO)
        self._step = Step.DONE
        hello = _parse(message).server_hello
        state = self._state
        _require_key(hello.ephemeral, "the server's ephemeral key")
        state.mix_hash(hello.ephemeral)
        state.mix_key(_agree(self._ephemeral, hello.ephemeral))
        server_static = state.decrypt(hello.static, "the server's static key")
        _require_key(server_static, "the server's static key")
        state.mix_key(_agree(self._ephemeral, server_static))
        verify_chain(
            state.decrypt(hello.payload, "the certificate chain"), server_static, now_s, self._root_key
        )
        static = state.encrypt(self._static.public)
        state.mix_key(_agree(self._static, hello.ephemeral))
        finish = wire.HandshakeMessage.ClientFinish(static=static, payload=state.encrypt(self._payload))
        client_key, server_key = state.split()
        ciphers = TransportCiphers(TransportCipher(client_key), TransportCipher(server_key))
        return wire.HandshakeMessage(client_finish=finish).SerializeToString(), ciphers


class Responder:
    """The server's handshake: `receive_hello(...)`, then `receive_finish(...)`; one object per connection."""

    __slots__ = ("_certificates", "_ephemeral", "_state", "_static", "_step")

    def __init__(self, static: KeyPair, certificates: bytes, rng: Rng) -> None:
        self._static = static
        self._certificates = certificates
        self._ephemeral = KeyPair.generate(rng)
        self._state = HandshakeHash()
        self._step = Step.RECEIVE_HELLO

    def receive_hello(self, message: bytes) -> bytes:
        """The client's first message → our answer."""
        _expect(self._step, Step.RECEIVE_HELLO)
        self._step = Step.RECEIVE_FINISH
        hello = _parse(message).client_hello
        _require_key(hello.ephemeral, "the client's ephemeral key")
        state = self._state
        state.mix_hash(hello.ephemeral)
        state.mix_hash(self._ephemeral.public)
        state.mix_key(_agree(self._ephemeral, hello.ephemeral))
        static = state.encrypt(self._static.public)
        state.mix_key(_agree(self._static, hello.ephemeral))
        answer = wire.HandshakeMessage.ServerHello(
            ephemeral=self._ephemeral.public, static=static, payload=state.encrypt(self._certificates)
        )
        return wire.HandshakeMessage(server_hello=answer).SerializeToString()

    def receive_finish(self, message: bytes) -> tuple[ClientFinish, TransportCiphers]:
        """The client's second message → who it is, and the ciphers."""
        _expect(self._step, Step.RECEIVE_FINISH)
        self._step = Step.DONE
        finish = _parse(message).client_finish
        state = self._state
        client_static = state.decrypt(finish.static, "the client's static key")
        _require_key(client_static, "the client's static key")
        state.mix_key(_agree(self._ephemeral, client_static))
        payload = state.decrypt(finish.payload, "the client payload")
        client_key, server_key = state.split()
        ciphers = TransportCiphers(TransportCipher(server_key), TransportCipher(client_key))
        return ClientFinish(client_static, payload), ciphers


def _expect(step: Step, wanted: Step) -> None:
    if step is not wanted:
        raise LocalProtocolError(f"handshake call for {wanted.name} while the next step is {step.name}")


def _parse(message: bytes) -> wire.HandshakeMessage:
    try:
        return parse(wire.HandshakeMessage, message, limit_bytes=MAX_HANDSHAKE_BYTES)
    except MessageFormatError as error:
        raise HandshakeError(f"handshake: {error}") from None


def _require_key(key: bytes, what: str) -> None:
    if len(key) != KEY_BYTES:
        raise HandshakeError(f"handshake: {what} has {len(key)} bytes, must be {KEY_BYTES}")


def _agree(ours: KeyPair, theirs: bytes) -> bytes:
    try:
        return ours.agree(theirs)
    except RemoteProtocolError as error:
        raise HandshakeError(f"handshake: {error}") from None
