"""XEdDSA: signatures with X25519 keys (protocol §11.1).

Signing needs scalar × base point for any scalar, which `cryptography` offers only as X25519, where the sign of the
result is lost. Both signs are therefore tried, for the nonce point R and for the public key A, and the one of four
candidates that verifies is the signature; it stands for the points with sign bit 0. That is also a check against
computing faults. The nonce is the product of two X25519 scalars, because one alone is clamped: it takes only half
of the possible values, and biased nonces give the key away over very many signatures.
"""

from hashlib import sha512

from cryptography.exceptions import InvalidSignature as BadSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from whatsapp.errors import LocalProtocolError, RemoteProtocolError
from whatsapp.keys import GROUP_ORDER, KeyPair, Rng, agree, clamp, edwards_y

SIGNATURE_BYTES = 64
NONCE_PREFIX = b"\xfe" + b"\xff" * 31  # never the start of another hash: no encoded point looks like this


def sign(key: KeyPair, message: bytes, rng: Rng) -> bytes:
    """64 bytes that `verify` accepts under `key.public`."""
    nonces = sha512(NONCE_PREFIX + key.private + message + rng(64)).digest()
    first, second = clamp(nonces[:32]), clamp(nonces[32:])
    r_point = edwards_y(
        agree(second, X25519PrivateKey.from_private_bytes(first).public_key().public_bytes_raw())
    )
    a_point = edwards_y(key.public)
    nonce = int.from_bytes(first, "little") * int.from_bytes(second, "little")
    product = _challenge(r_point, a_point, message) * int.from_bytes(key.private, "little")
    verifier = Ed25519PublicKey.from_public_bytes(a_point)
    for s in (nonce + product, nonce - product, product - nonce, -nonce - product):
        signature = r_point + (s % GROUP_ORDER).to_bytes(32, "little")
        if _verifies(verifier, signature, message):
            return signature
    raise LocalProtocolError("the key pair's halves do not belong together")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature was made over the message with the key of this 32-byte public key."""
    if len(signature) != SIGNATURE_BYTES or len(public) != 32:
        return False
    sign_bit = signature[63] & 0x80
    try:
        y = edwards_y(public)
        verifier = Ed25519PublicKey.from_public_bytes(y[:31] + bytes([y[31] | sign_bit]))
    except (RemoteProtocolError, ValueError):
        return False
    return _verifies(verifier, signature[:63] + bytes([signature[63] & 0x7F]), message)


def _challenge(r_point: bytes, a_point: bytes, message: bytes) -> int:
    return int.from_bytes(sha512(r_point + a_point + message).digest(), "little") % GROUP_ORDER


def _verifies(verifier: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        verifier.verify(signature, message)
    except BadSignature:
        return False
    return True
