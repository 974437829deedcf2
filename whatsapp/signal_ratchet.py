"""The key arithmetic of Signal sessions (protocol §11.2, §11.3): pure functions from keys to keys."""

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from whatsapp.errors import DuplicateMessage, TooFarAhead

MAX_SKIP = 2000  # message keys between two messages of one chain
ZERO_SALT = bytes(32)


def derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)


def session_keys(*agreements: bytes) -> tuple[bytes, bytes]:
    """The root and first chain key from the X3DH agreements, in the initiator's order."""
    secret = b"\xff" * 32 + b"".join(agreements)
    output = derive(secret, ZERO_SALT, b"WhisperText", 64)
    return output[:32], output[32:]


def ratchet_step(root_key: bytes, agreement: bytes) -> tuple[bytes, bytes]:
    """The next root key and the new chain's key."""
    output = derive(agreement, root_key, b"WhisperRatchet", 64)
    return output[:32], output[32:]


def advance(chain_key: bytes) -> tuple[bytes, bytes]:
    """The seed of this message's keys, and the next chain key."""
    return hmac.digest(chain_key, b"\x01", "sha256"), hmac.digest(chain_key, b"\x02", "sha256")


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """What one message is encrypted and authenticated with."""

    cipher_key: bytes = field(repr=False)
    mac_key: bytes = field(repr=False)
    iv: bytes = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> "MessageKeys":
        output = derive(seed, ZERO_SALT, b"WhisperMessageKeys", 80)
        return cls(output[:32], output[32:64], output[64:])


def take_seed(
    key: bytes, counter: int, skipped: dict[int, bytes], wanted: int
) -> tuple[bytes, bytes, int, dict[int, bytes]]:
    """The seed of message `wanted` of a chain whose next message is `counter`.

    Returns seed, chain key, next counter and skipped seeds after taking it; the arguments stay as they are.
    Raises DuplicateMessage for a seed that was taken before, TooFarAhead beyond MAX_SKIP.
    """
    if wanted < counter:
        if wanted not in skipped:
            raise DuplicateMessage(f"message {wanted} of a chain that is at {counter} was used already")
        rest = dict(skipped)
        return rest.pop(wanted), key, counter, rest
    if wanted - counter > MAX_SKIP:
        raise TooFarAhead(
            f"message {wanted} of a chain that is at {counter}, at most {MAX_SKIP} may be missing"
        )
    passed = dict(skipped) if wanted > counter else skipped
    for number in range(counter, wanted):
        passed[number], key = advance(key)
    seed, key = advance(key)
    return seed, key, wanted + 1, passed
