"""Linking by an 8-character code that the user types on the phone (protocol §7.2), both sides' cryptography.

Companion: `new_code`, `wrap_ephemeral`, send; the phone answers; `companion_finish` makes the last message and the
ADV secret. Phone: `unwrap_ephemeral`, `wrap_ephemeral`, later `phone_finish` reads the last message.
"""

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from whatsapp.errors import LocalProtocolError, PairingError
from whatsapp.keys import KEY_BYTES, KeyPair, Rng

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"  # base32 without 0, I, O and U
CODE_CHARS = 8
PBKDF2_ITERATIONS = 131_072
SALT_BYTES, IV_BYTES, NONCE_BYTES, TAG_BYTES = 32, 16, 12, 16
WRAPPED_BYTES = SALT_BYTES + IV_BYTES + KEY_BYTES
BUNDLE_BYTES = SALT_BYTES + NONCE_BYTES + 3 * KEY_BYTES + TAG_BYTES
BUNDLE_INFO = b"link_code_pairing_key_bundle_encryption_key"
SECRET_INFO = b"adv_secret"


@dataclass(frozen=True, slots=True)
class PairingFinish:
    """What the exchange ends in: the bundle to send, and the ADV secret that replaces the stored one."""

    wrapped_bundle: bytes = field(repr=False)
    adv_secret: bytes = field(repr=False)


def new_code(rng: Rng) -> str:
    """8 random characters; shown as XXXX-XXXX, used without the dash."""
    number = int.from_bytes(rng(5), "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(35, -1, -5))


def show_code(code: str) -> str:
    """XXXX-XXXX, as people read it."""
    return f"{code[:4]}-{code[4:]}"


def wrap_ephemeral(code: str, ephemeral_public: bytes, rng: Rng) -> bytes:
    """salt 32 ‖ iv 16 ‖ the key, encrypted under the code: 80 bytes. Takes about 30 ms, on purpose."""
    salt, iv = rng(SALT_BYTES), rng(IV_BYTES)
    return salt + iv + _ctr(_code_key(code, salt), iv, ephemeral_public)


def unwrap_ephemeral(code: str, wrapped: bytes) -> bytes:
    """The peer's ephemeral key; a wrong code gives a wrong key, noticed only later. PairingError for a wrong length."""
    if len(wrapped) != WRAPPED_BYTES:
        raise PairingError(f"wrapped key of {len(wrapped)} bytes, must be {WRAPPED_BYTES}")
    salt, iv = wrapped[:SALT_BYTES], wrapped[SALT_BYTES : SALT_BYTES + IV_BYTES]
    return _ctr(_code_key(code, salt), iv, wrapped[SALT_BYTES + IV_BYTES :])


def companion_finish(
    ephemeral: KeyPair, identity: KeyPair, phone_ephemeral: bytes, phone_identity: bytes, rng: Rng
) -> PairingFinish:
    """The companion's last message. RemoteProtocolError when a key of the phone is degenerate."""
    shared = ephemeral.agree(phone_ephemeral)
    salt, nonce, secret = rng(SALT_BYTES), rng(NONCE_BYTES), rng(KEY_BYTES)
    content = identity.public + phone_identity + secret
    bundle = AESGCM(_bundle_key(shared, salt)).encrypt(nonce, content, None)
    return PairingFinish(salt + nonce + bundle, _adv_secret(shared, identity.agree(phone_identity), secret))


def phone_finish(
    ephemeral: KeyPair, identity: KeyPair, companion_ephemeral: bytes, wrapped_bundle: bytes
) -> tuple[bytes, bytes]:
    """The phone's reading of it: the companion's identity key and the ADV secret.

    PairingError when the bundle does not decrypt (a wrong code on either side) or is for another phone.
    """
    if len(wrapped_bundle) != BUNDLE_BYTES:
        raise PairingError(f"wrapped bundle of {len(wrapped_bundle)} bytes, must be {BUNDLE_BYTES}")
    shared = ephemeral.agree(companion_ephemeral)
    salt, rest = wrapped_bundle[:SALT_BYTES], wrapped_bundle[SALT_BYTES:]
    try:
        content = AESGCM(_bundle_key(shared, salt)).decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], None)
    except InvalidTag:
        raise PairingError(
            "the key bundle does not decrypt: the code was not the same on both sides"
        ) from None
    companion, phone, secret = content[:32], content[32:64], content[64:]
    if phone != identity.public:
        raise PairingError("the key bundle is for another phone")
    return companion, _adv_secret(shared, identity.agree(companion), secret)


def _code_key(code: str, salt: bytes) -> bytes:
    if len(code) != CODE_CHARS or not set(code) <= set(ALPHABET):
        raise LocalProtocolError(f"a pairing code has {CODE_CHARS} characters of {ALPHABET}")
    kdf = PBKDF2HMAC(algorithm=SHA256(), length=32, salt=salt, iterations=PBKDF2_ITERATIONS)
    return kdf.derive(code.encode())


def _ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    cipher = Cipher(AES256(key), CTR(iv)).encryptor()
    return cipher.update(data) + cipher.finalize()


def _bundle_key(shared: bytes, salt: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=BUNDLE_INFO).derive(shared)


def _adv_secret(shared: bytes, identities: bytes, secret: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=SECRET_INFO).derive(
        shared + identities + secret
    )
