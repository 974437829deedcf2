"""Attachments (protocol §19): encrypted once with a random key that travels inside the message."""

import hmac
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from whatsapp import cbc
from whatsapp.errors import LocalProtocolError, MediaError, MessageFormatError
from whatsapp.keys import Rng

MEDIA_KEY_BYTES = 32
MAC_BYTES = 10


class MediaKind(Enum):
    """What an attachment is; the value is what its keys are derived with. Stickers are images."""

    IMAGE = b"WhatsApp Image Keys"
    VIDEO = b"WhatsApp Video Keys"
    AUDIO = b"WhatsApp Audio Keys"
    DOCUMENT = b"WhatsApp Document Keys"
    HISTORY = b"WhatsApp History Keys"
    APP_STATE = b"WhatsApp App State Keys"
    LINK_THUMBNAIL = b"WhatsApp Link Thumbnail Keys"


@dataclass(frozen=True, slots=True)
class EncryptedMedia:
    """A file ready for upload, and what its descriptor must say."""

    file: bytes = field(repr=False)
    media_key: bytes = field(repr=False)
    file_sha256: bytes
    file_enc_sha256: bytes
    file_length: int


def encrypt_media(plaintext: bytes, kind: MediaKind, rng: Rng) -> EncryptedMedia:
    """Encrypt under a new media key."""
    media_key = rng(MEDIA_KEY_BYTES)
    iv, cipher_key, mac_key = _keys(media_key, kind)
    ciphertext = cbc.encrypt(cipher_key, iv, plaintext)
    file = ciphertext + _mac(mac_key, iv, ciphertext)
    return EncryptedMedia(file, media_key, sha256(plaintext).digest(), sha256(file).digest(), len(plaintext))


def decrypt_media(
    file: bytes,
    media_key: bytes,
    kind: MediaKind,
    *,
    file_sha256: bytes | None = None,
    file_enc_sha256: bytes | None = None,
) -> bytes:
    """The attachment; checksums from the descriptor are checked where given. MediaError when anything is wrong."""
    if len(media_key) != MEDIA_KEY_BYTES:
        raise MediaError(f"media key of {len(media_key)} bytes, must be {MEDIA_KEY_BYTES}")
    if file_enc_sha256 is not None and not hmac.compare_digest(sha256(file).digest(), file_enc_sha256):
        raise MediaError("the encrypted file does not have the announced checksum")
    iv, cipher_key, mac_key = _keys(media_key, kind)
    ciphertext, mac = file[:-MAC_BYTES], file[-MAC_BYTES:]
    if not hmac.compare_digest(_mac(mac_key, iv, ciphertext), mac):
        raise MediaError("the encrypted file has a wrong MAC")
    try:
        plaintext = cbc.decrypt(cipher_key, iv, ciphertext)
    except MessageFormatError as error:
        raise MediaError(f"encrypted file: {error}") from None
    if file_sha256 is not None and not hmac.compare_digest(sha256(plaintext).digest(), file_sha256):
        raise MediaError("the file does not have the announced checksum")
    return plaintext


def _keys(media_key: bytes, kind: MediaKind) -> tuple[bytes, bytes, bytes]:
    if len(media_key) != MEDIA_KEY_BYTES:
        raise LocalProtocolError(f"media key of {len(media_key)} bytes, must be {MEDIA_KEY_BYTES}")
    output = HKDF(algorithm=SHA256(), length=112, salt=None, info=kind.value).derive(media_key)
    return output[:16], output[16:48], output[48:80]


def _mac(mac_key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    return hmac.digest(mac_key, iv + ciphertext, "sha256")[:MAC_BYTES]
