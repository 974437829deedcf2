"""The secret that processes of one actor system share: 32 random bytes in a file of mode 0600."""

import base64
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from actors.wire_codec import KEY_BYTES

ENVIRONMENT_NAME = "SAMBUNG_WIRE_KEY"


class WireKeyError(Exception):
    """The wire key can't be used; the text says where it was found and what to do. It never holds the key."""


def load_or_create_wire_key(path: Path, environment: Mapping[str, str] | None = None) -> bytes:
    """The wire key: from SAMBUNG_WIRE_KEY when that is set, else from the file, which is made at the first start.

    `path`: the key file; its folder must exist. WireKeyError when key or file can't be used.
    """
    text = (os.environ if environment is None else environment).get(ENVIRONMENT_NAME, "")
    if text:
        return _decode(text.strip())
    try:
        return _read(path)
    except FileNotFoundError:
        _create(path)
        return _read(path)


def wire_key_id(key: bytes) -> str:
    """A short public name of a key, to see whether two processes hold the same one."""
    return hmac.digest(key, b"sambung wire: key id", "sha256")[:6].hex()


def _decode(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            raise WireKeyError(f"{ENVIRONMENT_NAME} is neither hexadecimal nor base64") from None
    if len(key) != KEY_BYTES:
        raise WireKeyError(
            f"{ENVIRONMENT_NAME} holds {len(key)} bytes, needed are {KEY_BYTES} as hexadecimal or base64"
        )
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            key = file.read(KEY_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise WireKeyError(f"wire key {path}: can't be read: {problem.strerror}") from None
    if status.st_uid not in (os.geteuid(), 0):
        raise WireKeyError(f"wire key {path}: belongs to another user (uid {status.st_uid})")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise WireKeyError(f"wire key {path}: mode {mode:04o} lets others use it; do: chmod 600 {path}")
    if len(key) != KEY_BYTES:
        raise WireKeyError(
            f"wire key {path}: holds {status.st_size} bytes, needed are {KEY_BYTES}; "
            "restore it from a backup, or stop the server and remove it so that a new one is made"
        )
    return key


def _create(path: Path) -> None:
    """Write the file whole or not at all; when another process made one meanwhile, that one stays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as problem:
        raise WireKeyError(f"wire key {path}: can't be made: {problem.strerror}") from None


def _put_in_place(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links: two first starts at the same moment are not told apart there.
        temporary.rename(path)
