"""Tokens that vouch for us in one-to-one chats (protocol §15).

tctoken: given to us by a contact, good for about 28 days; we give ours once a week. cstoken: computed from a salt
when there is no tctoken. A message without either may be refused with error 463.
"""

import hmac

from whatsapp.errors import LocalProtocolError
from whatsapp.jid import Jid

BUCKET_S = 604_800
VALID_BUCKETS = 4


def bucket(at_s: float) -> int:
    """The number of the week that an epoch time lies in."""
    return int(at_s) // BUCKET_S


def token_is_valid(received_at_s: float, now_s: float) -> bool:
    """Whether a contact's token from that time may still be attached."""
    return bucket(now_s) - bucket(received_at_s) < VALID_BUCKETS


def should_issue(issued_at_s: float | None, now_s: float) -> bool:
    """Whether to give the contact a new token of ours: once per week in which we write."""
    return issued_at_s is None or bucket(now_s) > bucket(issued_at_s)


def cstoken(salt: bytes, recipient: Jid) -> bytes:
    """The 32-byte token for a recipient, who must be known by LID."""
    if not recipient.is_lid:
        raise LocalProtocolError("a cstoken needs the recipient's LID")
    return hmac.digest(salt, str(recipient.without_device).encode(), "sha256")
