"""The hash over a device list by which sender and server notice that theirs differ (protocol §12.8)."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

from whatsapp.jid import Jid


def participant_hash(devices: Iterable[Jid]) -> str:
    """ "2:" and 8 characters over the sorted AD strings of all devices; order and repetition do not matter."""
    joined = "".join(sorted({device.ad_string for device in devices}))
    return "2:" + b64encode(sha256(joined.encode()).digest()[:6]).decode()
