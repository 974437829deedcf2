"""A decrypted message as what applications see: a kind, a type and JSON-able content.

Wrappers (view once, disappearing, …) are taken off and noted. What is not understood is passed on as the raw
protobuf; nothing is dropped.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message as Protobuf
from google.protobuf.unknown_fields import UnknownFieldSet

from whatsapp import message_pb2 as wa
from whatsapp.message_context import MEDIA, POLLS, context_fields, key_fields, unwrap
from whatsapp.message_media import base64, descriptor

RECEIVED, REACTION, EDITED, DELETED = (
    "message.received",
    "message.reaction",
    "message.edited",
    "message.deleted",
)
POLL_VOTE, EXPIRATION = "message.poll_vote", "chat.expiration"

_BOOKKEEPING = ("sender_key_distribution_message", "message_context_info")


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """`kind`: the event's; `fields`: its own part of the event's data."""

    kind: str
    fields: dict[str, Any] = field(repr=False)


def describe(message: wa.Message) -> MessageEvent | None:
    """The event of a message; None when it holds nothing but bookkeeping."""
    inner, notes = unwrap(message)
    event = next((tell(inner) for name, tell in _TOLD.items() if inner.HasField(name)), None)
    if event is None:
        event = _unknown(inner)
        if event is None and inner is not message:
            event = _unknown(
                message
            )  # a wrapper around nothing that is known here: it may hold something new
    elif len(UnknownFieldSet(inner)) > 0:
        # Beside what is understood stands something that is not.
        event = MessageEvent(
            event.kind, event.fields | {"protobuf_base64": base64(inner.SerializeToString())}
        )
    if event is None:
        return None
    return MessageEvent(event.kind, event.fields | dict.fromkeys(sorted(notes), True))


def _received(type_: str, content: dict[str, Any], holder: Any = None) -> MessageEvent:
    context = {} if holder is None else context_fields(holder)
    return MessageEvent(RECEIVED, {"type": type_, "content": content} | context)


def _text(message: wa.Message) -> MessageEvent:
    return _received("text", {"text": message.conversation})


def _extended_text(message: wa.Message) -> MessageEvent:
    one = message.extended_text_message
    link = {"url": one.matched_text, "title": one.title, "description": one.description}
    content: dict[str, Any] = {"text": one.text}
    if one.matched_text:
        content["link"] = link
    return _received("text", content, one)


def _media(name: str, type_: str) -> Callable[[wa.Message], MessageEvent]:
    def tell(message: wa.Message) -> MessageEvent:
        media: Protobuf = getattr(message, name)
        voice = type_ == "audio" and getattr(media, "ptt", False)
        return _received("voice" if voice else type_, descriptor(media), media)

    return tell


def _location(message: wa.Message) -> MessageEvent:
    one = message.location_message
    content = {
        "latitude": _finite(one.degrees_latitude),
        "longitude": _finite(one.degrees_longitude),
        "name": one.name or None,
        "address": one.address or None,
        "url": one.url or None,
    }
    return _received("location", content, one)


def _live_location(message: wa.Message) -> MessageEvent:
    one = message.live_location_message
    content = {
        "latitude": _finite(one.degrees_latitude),
        "longitude": _finite(one.degrees_longitude),
        "caption": one.caption or None,
        "sequence": one.sequence_number,
    }
    return _received("live_location", content, one)


def _contact(message: wa.Message) -> MessageEvent:
    return _received("contact", _card(message.contact_message), message.contact_message)


def _contacts(message: wa.Message) -> MessageEvent:
    one = message.contacts_array_message
    cards = [_card(card) for card in one.contacts]
    return _received("contacts", {"name": one.display_name or None, "contacts": cards}, one)


def _card(card: wa.ContactMessage) -> dict[str, Any]:
    return {"name": card.display_name, "vcard": card.vcard}


def _poll(name: str) -> Callable[[wa.Message], MessageEvent]:
    def tell(message: wa.Message) -> MessageEvent:
        poll: wa.PollCreationMessage = getattr(message, name)
        options = [option.option_name for option in poll.options]
        content = {"question": poll.name, "options": options, "selectable": poll.selectable_options_count}
        return _received("poll", content, poll)

    return tell


def _group_invite(message: wa.Message) -> MessageEvent:
    one = message.group_invite_message
    content = {
        "group": one.group_jid,
        "code": one.invite_code,
        "expires_at": one.invite_expiration,
        "name": one.group_name,
        "caption": one.caption or None,
    }
    return _received("group_invite", content, one)


def _reaction(message: wa.Message) -> MessageEvent:
    one = message.reaction_message
    return MessageEvent(
        REACTION, {"message": key_fields(one.key), "emoji": one.text, "removed": one.text == ""}
    )


def _poll_vote(message: wa.Message) -> MessageEvent:
    one = message.poll_update_message
    vote = {"payload_base64": base64(one.vote.enc_payload), "iv_base64": base64(one.vote.enc_iv)}
    return MessageEvent(POLL_VOTE, {"message": key_fields(one.poll_creation_message_key), "encrypted": vote})


def _protocol(message: wa.Message) -> MessageEvent | None:
    """Deletions, edits and the disappearing timer; the rest is unknown here."""
    one = message.protocol_message
    about = {"message": key_fields(one.key)}
    match one.type:
        case wa.ProtocolMessage.REVOKE:
            return MessageEvent(DELETED, about)
        case wa.ProtocolMessage.MESSAGE_EDIT:
            edited = describe_edit(one.edited_message)
            return MessageEvent(EDITED, about | edited)
        case wa.ProtocolMessage.EPHEMERAL_SETTING:
            return MessageEvent(EXPIRATION, {"expires_after_s": one.ephemeral_expiration})
        case _:
            return _unknown(message)


def describe_edit(edited: wa.Message) -> dict[str, Any]:
    """The new content; an edit inside an edit is passed on raw."""
    inner, _ = unwrap(edited)
    event = None if inner.HasField("protocol_message") else describe(inner)
    if event is None or event.kind != RECEIVED:
        return {"type": "unknown", "content": {"protobuf_base64": base64(edited.SerializeToString())}}
    return event.fields


def _unknown(message: wa.Message) -> MessageEvent | None:
    rest = wa.Message()
    rest.CopyFrom(message)
    for name in _BOOKKEEPING:
        rest.ClearField(name)
    if rest.ByteSize() == 0:
        return None
    return _received("unknown", {"protobuf_base64": base64(rest.SerializeToString())})


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


_TOLD: dict[str, Callable[[wa.Message], MessageEvent | None]] = {
    "protocol_message": _protocol,
    "reaction_message": _reaction,
    "poll_update_message": _poll_vote,
    "conversation": _text,
    "extended_text_message": _extended_text,
    "location_message": _location,
    "live_location_message": _live_location,
    "contact_message": _contact,
    "contacts_array_message": _contacts,
    "group_invite_message": _group_invite,
    **{name: _media(name, type_) for name, type_ in MEDIA.items()},
    **{name: _poll(name) for name in POLLS},
}
