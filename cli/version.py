"""Which program this is: its version, and a fingerprint of its code."""

import hashlib
from functools import cache

from cli.folder import HOME

VERSION = "0.1.0"

PACKAGES = ("core", "whatsapp", "store", "actors", "web", "cli")


@cache
def build_id() -> str:
    """Version and digest of the code: processes of different builds don't understand each other's messages."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((HOME / package).rglob("*.py")):
            digest.update(str(path.relative_to(HOME)).encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{VERSION}+{digest.hexdigest()[:12]}"
