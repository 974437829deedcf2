"""Where a stanza comes from (protocol §13): chat, sender, and which addresses belong together."""

from dataclasses import dataclass

from whatsapp.account import Account
from whatsapp.errors import NodeError
from whatsapp.jid import Jid
from whatsapp.nodes import Node

MAX_ID_CHARS = 128


@dataclass(frozen=True, slots=True)
class MessageSource:
    """`sender`: the device; `chat`: without device. `pairs`: addresses of one person each, a PN and a LID."""

    id: str
    chat: Jid
    sender: Jid
    from_me: bool
    pairs: tuple[tuple[Jid, Jid], ...]

    @property
    def in_group(self) -> bool:
        """Whether the chat has senders other than itself: groups, status, broadcast lists."""
        return self.chat.is_group or self.chat.is_broadcast


def parse_source(node: Node, account: Account) -> MessageSource:
    """From a `message` or `receipt` stanza. NodeError when it names no usable source."""
    sender_jid, message_id = node.jid_attr("from"), stanza_id(node)
    if sender_jid.is_group or sender_jid.is_broadcast:
        participant = node.jid_attr("participant")
        _require_user(participant)
        pairs = _pairs(node, participant, ("participant_lid", "participant_pn", "sender_lid", "sender_pn"))
        return MessageSource(message_id, sender_jid, participant, account.is_own(participant), pairs)
    if sender_jid.is_newsletter:
        return MessageSource(message_id, sender_jid, sender_jid, False, ())
    if not sender_jid.is_user and not sender_jid.is_bot:
        raise NodeError(f"<{node.tag}> from a {sender_jid.server} address")
    if account.is_own(sender_jid):
        chat = node.optional_jid("recipient") or sender_jid
        pairs = _pairs(
            node, chat, ("peer_recipient_lid", "peer_recipient_pn", "recipient_lid", "recipient_pn")
        )
        return MessageSource(message_id, chat.without_device, sender_jid, True, pairs)
    pairs = _pairs(node, sender_jid, ("sender_lid", "sender_pn"))
    return MessageSource(message_id, sender_jid.without_device, sender_jid, False, pairs)


def stanza_id(node: Node, name: str = "id") -> str:
    """The id of a stanza, or another id that it names, of sane length."""
    found = node.text_attr(name)
    if not 0 < len(found) <= MAX_ID_CHARS:
        raise NodeError(
            f"<{node.tag}> with an {name} of {len(found)} characters, allowed are 1 to {MAX_ID_CHARS}"
        )
    return found


def _require_user(jid: Jid) -> None:
    if not jid.is_user and not jid.is_bot:
        raise NodeError(f"participant with a {jid.server} address")


def _pairs(node: Node, jid: Jid, names: tuple[str, ...]) -> tuple[tuple[Jid, Jid], ...]:
    others = [node.jid_attr(name) for name in names if name in node.attrs]
    return tuple((jid, other) for other in others if jid.is_pn != other.is_pn and jid.is_lid != other.is_lid)
