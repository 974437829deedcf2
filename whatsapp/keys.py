"""X25519 key pairs, and their Edwards form for signatures (protocol §11.1).

Everything here is 32 raw bytes; the serialised form of a public key has the type byte 05 in front (33 bytes).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from whatsapp.errors import LocalProtocolError, MessageFormatError, RemoteProtocolError

KEY_BYTES = 32
KEY_TYPE = b"\x05"
FIELD_PRIME = 2**255 - 19
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493

Rng = Callable[[int], bytes]
"""A source of randomness: returns exactly that many bytes (`os.urandom` outside tests)."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An X25519 key pair; the private half stays out of every repr."""

    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def generate(cls, rng: Rng) -> "KeyPair":
        return cls.from_private(rng(KEY_BYTES))

    @classmethod
    def from_private(cls, private: bytes) -> "KeyPair":
        """The pair of a stored or random private key; it is kept clamped (RFC 7748 §5)."""
        if len(private) != KEY_BYTES:
            raise LocalProtocolError(f"private key of {len(private)} bytes, must be {KEY_BYTES}")
        clamped = clamp(private)
        return cls(clamped, X25519PrivateKey.from_private_bytes(clamped).public_key().public_bytes_raw())

    @property
    def serialized(self) -> bytes:
        """The public key as it appears in Signal messages: 33 bytes."""
        return KEY_TYPE + self.public

    def agree(self, their_public: bytes) -> bytes:
        """The Diffie-Hellman secret with the peer's 32-byte key; RemoteProtocolError for a degenerate key."""
        return agree(self.private, their_public)


def agree(private: bytes, their_public: bytes) -> bytes:
    """X25519 of our private and the peer's public key; a key of small order is the peer's error."""
    if len(their_public) != KEY_BYTES:
        raise RemoteProtocolError(f"public key of {len(their_public)} bytes, must be {KEY_BYTES}")
    try:
        public = X25519PublicKey.from_public_bytes(their_public)
        return X25519PrivateKey.from_private_bytes(private).exchange(public)
    except ValueError:
        raise RemoteProtocolError("public key of small order") from None


def clamp(scalar: bytes) -> bytes:
    """The scalar that X25519 computes with (RFC 7748 §5)."""
    return bytes([scalar[0] & 248]) + scalar[1:31] + bytes([scalar[31] & 127 | 64])


def serialize_public(public: bytes) -> bytes:
    """32 raw bytes → 33 bytes with the type in front."""
    return KEY_TYPE + public


def parse_public(serialized: bytes) -> bytes:
    """33 bytes with the type in front → 32 raw bytes; MessageFormatError for anything else."""
    if len(serialized) != KEY_BYTES + 1 or serialized[:1] != KEY_TYPE:
        raise MessageFormatError(
            f"serialised public key of {len(serialized)} bytes, must be 33 beginning with 05"
        )
    return serialized[1:]


def edwards_y(public: bytes) -> bytes:
    """The Edwards form of a public key, 32 bytes with sign bit 0: y = (u − 1) / (u + 1) (protocol §11.1)."""
    u = int.from_bytes(public, "little") & (1 << 255) - 1
    denominator = (u + 1) % FIELD_PRIME
    if denominator == 0:
        raise RemoteProtocolError("public key without an Edwards form")
    return ((u - 1) * pow(denominator, -1, FIELD_PRIME) % FIELD_PRIME).to_bytes(KEY_BYTES, "little")
