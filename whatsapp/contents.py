"""Commands as messages: what goes into the protobuf, and what the stanza says about it (protocol §12.6)."""

from hashlib import sha256
from typing import assert_never

from whatsapp import message_pb2 as wa
from whatsapp.account import Account
from whatsapp.commands import (
    MessageRef,
    SendCommand,
    SendContact,
    SendDeletion,
    SendEdit,
    SendLocation,
    SendReaction,
    SendText,
)
from whatsapp.fanout import Outgoing
from whatsapp.jid import Jid
from whatsapp.message_id import PREFIX

EDITED, DELETED_OWN, DELETED_BY_ADMIN = "1", "7", "8"


def build(ref: str, command: SendCommand, account: Account, wall_s: float, by_lid: bool) -> Outgoing:
    """The message of a command. The same `ref` gives the same message id, so that a retry is no second message.

    `by_lid`: whether the chat names people by LID.
    """
    message_id, to = message_id_of(ref, account), command.to
    own = (account.main if by_lid else account.own_jid).without_device
    now_ms = int(wall_s * 1000)
    match command:
        case SendText():
            return Outgoing(ref, message_id, to, _text(command, own))
        case SendReaction():
            return Outgoing(ref, message_id, to, _reaction(command, now_ms), "reaction")
        case SendEdit():
            return Outgoing(ref, message_id, to, _edit(command, now_ms), edit=EDITED)
        case SendDeletion():
            edit = DELETED_OWN if command.message.from_me else DELETED_BY_ADMIN
            return Outgoing(ref, message_id, to, _deletion(command), edit=edit)
        case SendLocation():
            return Outgoing(ref, message_id, to, _location(command), "media", "location")
        case SendContact():
            card = wa.ContactMessage(display_name=command.name, vcard=command.vcard)
            return Outgoing(ref, message_id, to, wa.Message(contact_message=card), "media", "vcard")
        case _:
            assert_never(command)


def _reaction(command: SendReaction, now_ms: int) -> wa.Message:
    key = _key(command.to, command.message)
    return wa.Message(
        reaction_message=wa.ReactionMessage(key=key, text=command.emoji, sender_timestamp_ms=now_ms)
    )


def _deletion(command: SendDeletion) -> wa.Message:
    key = _key(command.to, command.message)
    return wa.Message(protocol_message=wa.ProtocolMessage(type=wa.ProtocolMessage.REVOKE, key=key))


def _location(command: SendLocation) -> wa.Message:
    location = wa.LocationMessage(
        degrees_latitude=command.latitude,
        degrees_longitude=command.longitude,
        name=command.name or None,
        address=command.address or None,
    )
    return wa.Message(location_message=location)


def message_id_of(ref: str, account: Account) -> str:
    """The id on the wire: looks like a random one, follows from the command's `ref` and this device's key."""
    return PREFIX + sha256(account.identity.public + ref.encode(errors="replace")).hexdigest()[:18].upper()


def _text(command: SendText, own: Jid) -> wa.Message:
    if command.reply_to is None and not command.mentions:
        return wa.Message(conversation=command.text)
    info = wa.ContextInfo(mentioned_jid=[str(jid) for jid in command.mentions])
    if command.reply_to is not None:
        info.stanza_id = command.reply_to.id
        author = own if command.reply_to.from_me else command.reply_to.sender or command.to
        info.participant = str(author)
        info.quoted_message.CopyFrom(wa.Message(conversation=command.reply_to.text or ""))
    return wa.Message(extended_text_message=wa.ExtendedTextMessage(text=command.text, context_info=info))


def _edit(command: SendEdit, now_ms: int) -> wa.Message:
    protocol = wa.ProtocolMessage(
        type=wa.ProtocolMessage.MESSAGE_EDIT,
        key=_key(command.to, command.message),
        edited_message=wa.Message(conversation=command.text),
        timestamp_ms=now_ms,
    )
    return wa.Message(edited_message=wa.Wrapper(message=wa.Message(protocol_message=protocol)))


def _key(chat: Jid, ref: MessageRef) -> wa.MessageKey:
    key = wa.MessageKey(remote_jid=str(chat), from_me=ref.from_me, id=ref.id)
    if ref.sender is not None and chat.is_group and not ref.from_me:
        key.participant = str(ref.sender)
    return key
