"""What we sent lately, so that a device that could not read it can get the same message again (protocol §12.9)."""

import json
from dataclasses import replace

from whatsapp import message_pb2 as wa
from whatsapp.errors import StateCorrupt
from whatsapp.fanout import Outgoing
from whatsapp.jid import Jid
from whatsapp.protobufs import parse_stored
from whatsapp.state import Recent, StateReader, StateWriter

MAX_SENT, MAX_SENT_BYTES = 256, 4 << 20
_SENT = Recent("sent", MAX_SENT, MAX_SENT_BYTES)


def remember(state: StateWriter, outgoing: Outgoing) -> None:
    """Before the stanza leaves."""
    header = {
        "to": str(outgoing.to),
        "type": outgoing.type,
        "media_type": outgoing.media_type,
        "edit": outgoing.edit,
    }
    packed = json.dumps(header).encode()
    value = len(packed).to_bytes(2, "big") + packed + outgoing.message.SerializeToString(deterministic=True)
    _SENT.put(state, outgoing.id, value)


def recall(state: StateReader, message_id: str) -> Outgoing | None:
    """The message as it was sent, None when it is too old or was never ours."""
    stored = _SENT.get(state, message_id) if message_id else None
    if stored is None:
        return None
    length = 2 + int.from_bytes(stored[:2], "big")
    try:
        header = json.loads(stored[2:length])
        to, type_, media, edit = (header[name] for name in ("to", "type", "media_type", "edit"))
    except (ValueError, KeyError, TypeError):
        raise StateCorrupt(f"stored sent message of {len(stored)} bytes cannot be read") from None
    return Outgoing(
        "", message_id, Jid.parse(to), parse_stored(wa.Message, stored[length:]), type_, media, edit
    )


def same_as_before(state: StateReader, outgoing: Outgoing) -> Outgoing:
    """A message tried again keeps the content of its first try, timestamps included."""
    before = recall(state, outgoing.id)
    return outgoing if before is None else replace(before, ref=outgoing.ref, to=outgoing.to)
