"""The two AES-GCM counters of an established Noise connection (protocol §2)."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from whatsapp.errors import HandshakeError, LocalProtocolError
from whatsapp.frames import MAX_FRAME_BYTES

TAG_BYTES = 16
MAX_COUNTER = 2**32  # the nonce has room for 4 bytes of counter; a key must end before it repeats


def nonce(counter: int) -> bytes:
    """8 zero bytes and the counter, 4 bytes big-endian."""
    return counter.to_bytes(12, "big")


class TransportCipher:
    """One direction of traffic: a key and a counter. Order is strict; a lost frame ends the connection."""

    __slots__ = ("_aead", "_counter")

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._counter = 0

    def encrypt(self, plaintext: bytes) -> bytes:
        """The next frame's payload; LocalProtocolError when it is too long or the counter is used up."""
        if len(plaintext) > MAX_FRAME_BYTES - TAG_BYTES:
            raise LocalProtocolError(f"{len(plaintext)} bytes do not fit a frame of {MAX_FRAME_BYTES}")
        if self._counter >= MAX_COUNTER:
            raise LocalProtocolError("the connection's sending counter is used up: reconnect")
        ciphertext = self._aead.encrypt(nonce(self._counter), plaintext, None)
        self._counter += 1
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        """The next frame's content; HandshakeError when it does not authenticate."""
        if self._counter >= MAX_COUNTER:
            raise HandshakeError("the connection's receiving counter is used up")
        try:
            plaintext = self._aead.decrypt(nonce(self._counter), ciphertext, None)
        except (InvalidTag, ValueError):
            raise HandshakeError(
                f"frame {self._counter} of {len(ciphertext)} bytes does not authenticate"
            ) from None
        self._counter += 1
        return plaintext
