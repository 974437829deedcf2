"""Ids of the messages that we send (protocol §12.1)."""

from hashlib import sha256

from whatsapp.keys import Rng

PREFIX = "3EB0"


def new_message_id(own_user: str, now_s: float, rng: Rng) -> str:
    """22 characters: the prefix and 9 hashed bytes in upper-case hex. `now_s`: epoch seconds."""
    seed = int(now_s).to_bytes(8, "big") + own_user.encode() + b"@c.us" + rng(16)
    return PREFIX + sha256(seed).hexdigest()[:18].upper()
