"""AES-256-CBC with PKCS#7, as Signal messages, sender keys and attachments use it; always behind a MAC or signature."""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from whatsapp.errors import MessageFormatError

BLOCK_BYTES = 16


def encrypt(key: bytes, iv: bytes, plaintext: bytes) -> bytes:
    """Padded and encrypted; always at least one byte of padding."""
    padding = BLOCK_BYTES - len(plaintext) % BLOCK_BYTES
    encryptor = Cipher(AES256(key), CBC(iv)).encryptor()
    return encryptor.update(plaintext + bytes([padding]) * padding) + encryptor.finalize()


def decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """Decrypted, padding removed; MessageFormatError when length or padding are wrong."""
    if not ciphertext or len(ciphertext) % BLOCK_BYTES:
        raise MessageFormatError(
            f"ciphertext of {len(ciphertext)} bytes, must be a multiple of {BLOCK_BYTES}"
        )
    decryptor = Cipher(AES256(key), CBC(iv)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    padding = padded[-1]
    if not 1 <= padding <= BLOCK_BYTES or not padded.endswith(bytes([padding]) * padding):
        raise MessageFormatError("ciphertext with wrong padding")
    return padded[:-padding]
