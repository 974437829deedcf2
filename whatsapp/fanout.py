"""One message for many devices: encrypted once per device (protocol §12.5, §12.6)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from whatsapp import lid_map
from whatsapp import message_pb2 as wa
from whatsapp.jid import Jid
from whatsapp.nodes import Attribute, Node
from whatsapp.padding import pad
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way out. `type`: of the stanza; `media_type`: of its `enc`; `edit`: 1 edit, 7 and 8 deletion.

    `ref`: the command's; `to`: a user or a group, without device. `hide`: nothing is shown where it cannot be read.
    """

    ref: str
    id: str
    to: Jid
    message: wa.Message = field(repr=False)
    type: str = "text"
    media_type: str | None = None
    edit: str | None = None

    @property
    def hide(self) -> bool:
        return self.edit is not None or self.type == "reaction"


@dataclass(frozen=True, slots=True)
class Composed:
    """A stanza ready to leave. `users`: whose device lists it rests on; `participant_hash`: over those devices."""

    stanza: Node
    users: tuple[Jid, ...]
    participant_hash: str


def enc_node(type_: str, data: bytes, outgoing: Outgoing, count: int | None = None) -> Node:
    """`<enc>`."""
    attrs: dict[str, Attribute] = {"v": "2", "type": type_}
    if count is not None:
        attrs["count"] = str(count)
    if outgoing.media_type is not None:
        attrs["mediatype"] = outgoing.media_type
    if outgoing.hide:
        attrs["decrypt-fail"] = "hide"
    return Node("enc", attrs, data)


def encrypt_to(
    turn: Turn,
    core: SessionCore,
    device: Jid,
    message: wa.Message,
    outgoing: Outgoing,
    count: int | None = None,
) -> Node:
    """The `<enc>` for one device that has a session."""
    plaintext = pad(message.SerializeToString(), core.rng)
    encrypted = core.cipher.encrypt(turn.tx, lid_map.signal_address(turn.tx, device), plaintext)
    return enc_node(encrypted.type, encrypted.data, outgoing, count)


def participants(
    turn: Turn,
    core: SessionCore,
    devices: Iterable[Jid],
    message_for: Callable[[Jid], wa.Message],
    outgoing: Outgoing,
    by_lid: bool,
) -> tuple[Node, ...]:
    """`<participants>`, and our signed identity behind it when a device sees us for the first time.

    `by_lid`: whether the stanza names devices by LID; the Signal sessions are the same either way.
    """
    listed = []
    for device in devices:
        enc = encrypt_to(turn, core, device, message_for(device), outgoing)
        listed.append(Node("to", {"jid": lid_map.addressed_as(turn.tx, device, by_lid)}, (enc,)))
    if not listed:
        return ()
    fresh = any(enc.attrs["type"] == "pkmsg" for to in listed for enc in to.children)
    return (Node("participants", {}, tuple(listed)), *(identity_nodes(core) if fresh else ()))


def identity_nodes(core: SessionCore) -> tuple[Node, ...]:
    """`<device-identity>`: mandatory beside every pkmsg."""
    identity = core.account.signed_identity
    return () if identity is None else (Node("device-identity", {}, identity),)


def device_sent(outgoing: Outgoing) -> wa.Message:
    """What our own other devices get: the message, and whom it went to."""
    sent = wa.DeviceSentMessage(destination_jid=str(outgoing.to), message=outgoing.message)
    return wa.Message(device_sent_message=sent)
