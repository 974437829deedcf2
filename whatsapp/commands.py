"""What applications may ask for, as values; parsed from the JSON that the outbox keeps.

A message: {"to": phone number or address, "type": …, …}; "type" may be left out for texts.
    text      text, [reply_to: {id, [from_me], [sender], [text]}], [mentions: [number or address, …]]
    reaction  message: {id, [from_me], [sender]}, emoji ("" takes it back)
    edit      message: {id}, text
    delete    message: {id, [from_me], [sender]}
    location  latitude, longitude, [name], [address]
    contact   name, and phone or vcard
LocalProtocolError names the field and what is allowed.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from whatsapp.errors import LocalProtocolError, NodeError
from whatsapp.jid import LEGACY_SERVER, USER_SERVER, Jid, user_jid
from whatsapp.message_source import MAX_ID_CHARS

MAX_TEXT_CHARS = 65_536
MAX_NAME_CHARS = 256
MAX_EMOJI_CHARS = 64
MAX_MENTIONS = 1024


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message that another one is about. `sender`: its author, needed in groups unless `from_me`."""

    id: str
    from_me: bool = False
    sender: Jid | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class SendText:
    to: Jid
    text: str
    reply_to: MessageRef | None = None
    mentions: tuple[Jid, ...] = ()


@dataclass(frozen=True, slots=True)
class SendReaction:
    to: Jid
    message: MessageRef
    emoji: str


@dataclass(frozen=True, slots=True)
class SendEdit:
    to: Jid
    message: MessageRef
    text: str


@dataclass(frozen=True, slots=True)
class SendDeletion:
    to: Jid
    message: MessageRef


@dataclass(frozen=True, slots=True)
class SendLocation:
    to: Jid
    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class SendContact:
    to: Jid
    name: str
    vcard: str


SendCommand = SendText | SendReaction | SendEdit | SendDeletion | SendLocation | SendContact


def parse_command(data: bytes) -> SendCommand:
    """From the bytes of a `SendContent`."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise LocalProtocolError("the message is not JSON") from None
    if not isinstance(content, dict):
        raise LocalProtocolError("the message must be a JSON object")
    kind = content.get("type", "text")
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        raise LocalProtocolError(f"type must be one of {', '.join(_PARSERS)}")
    return parser(parse_recipient(content.get("to")), content)


def parse_recipient(value: Any) -> Jid:
    """A user or a group: a phone number, or an address."""
    text = string(value, "to", MAX_NAME_CHARS)
    try:
        jid = parse_user(text) if "@" not in text or not text.endswith("@g.us") else Jid.parse(text)
    except NodeError:
        jid = Jid("", USER_SERVER)
    if not jid.user or not (jid.is_user or jid.is_group or jid.is_bot):
        _refuse("to", "a phone number, or an address of a user or a group")
    return jid


def parse_user(value: Any, name: str = "to") -> Jid:
    """A person: a phone number, or an address; without device."""
    text = string(value, name, MAX_NAME_CHARS)
    if "@" not in text:
        return user_jid(text)
    try:
        jid = Jid.parse(text)
    except NodeError:
        _refuse(name, "a phone number or an address")
    if jid.server == LEGACY_SERVER:
        jid = Jid(jid.user, USER_SERVER)
    if not (jid.is_user or jid.is_bot) or not jid.user.isalnum():
        _refuse(name, "a phone number or the address of a user")
    return jid.without_device


def parse_ref(value: Any, name: str) -> MessageRef:
    """{id, [from_me], [sender], [text]}."""
    if not isinstance(value, dict):
        _refuse(name, "an object with the message's id")
    from_me = value.get("from_me", False)
    if not isinstance(from_me, bool):
        _refuse(f"{name}.from_me", "true or false")
    sender = value.get("sender")
    text = value.get("text")
    return MessageRef(
        string(value.get("id"), f"{name}.id", MAX_ID_CHARS),
        from_me,
        None if sender is None else parse_user(sender, f"{name}.sender"),
        None if text is None else string(text, f"{name}.text", MAX_TEXT_CHARS, empty=True),
    )


def string(value: Any, name: str, limit: int, *, empty: bool = False) -> str:
    """A text that can be sent."""
    if not isinstance(value, str) or len(value) > limit or not (value or empty):
        _refuse(name, f"a text of {0 if empty else 1} to {limit} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        _refuse(name, "valid Unicode")
    return value


def _text(to: Jid, content: dict[str, Any]) -> SendText:
    mentions = content.get("mentions") or []
    if not isinstance(mentions, list) or len(mentions) > MAX_MENTIONS:
        _refuse("mentions", f"a list of at most {MAX_MENTIONS} numbers or addresses")
    reply = content.get("reply_to")
    return SendText(
        to,
        string(content.get("text"), "text", MAX_TEXT_CHARS),
        None if reply is None else _authored(to, parse_ref(reply, "reply_to"), "reply_to"),
        tuple(parse_user(one, "mentions") for one in mentions),
    )


def _reaction(to: Jid, content: dict[str, Any]) -> SendReaction:
    emoji = string(content.get("emoji"), "emoji", MAX_EMOJI_CHARS, empty=True)
    return SendReaction(to, _about(to, content), emoji)


def _edit(to: Jid, content: dict[str, Any]) -> SendEdit:
    text = string(content.get("text"), "text", MAX_TEXT_CHARS)
    return SendEdit(to, MessageRef(parse_ref(content.get("message"), "message").id, True), text)


def _delete(to: Jid, content: dict[str, Any]) -> SendDeletion:
    message = content.get("message")
    if isinstance(message, dict):
        message = {"from_me": True} | message
    return SendDeletion(to, _about(to, content | {"message": message}))


def _about(to: Jid, content: dict[str, Any]) -> MessageRef:
    return _authored(to, parse_ref(content.get("message"), "message"), "message")


def _authored(to: Jid, ref: MessageRef, name: str) -> MessageRef:
    if to.is_group and not ref.from_me and ref.sender is None:
        _refuse(f"{name}.sender", "the author of the message, because this is a group")
    return ref


def _location(to: Jid, content: dict[str, Any]) -> SendLocation:
    return SendLocation(
        to,
        _degrees(content.get("latitude"), "latitude", 90),
        _degrees(content.get("longitude"), "longitude", 180),
        string(content.get("name") or "", "name", MAX_NAME_CHARS, empty=True),
        string(content.get("address") or "", "address", MAX_NAME_CHARS * 4, empty=True),
    )


def _contact(to: Jid, content: dict[str, Any]) -> SendContact:
    name = string(content.get("name"), "name", MAX_NAME_CHARS)
    if content.get("vcard") is not None:
        return SendContact(to, name, string(content["vcard"], "vcard", MAX_TEXT_CHARS))
    phone = user_jid(string(content.get("phone"), "phone", 40)).user
    shown = name.replace("\\", "\\\\").replace("\n", "\\n").replace(";", "\\;").replace(",", "\\,")
    card = ("BEGIN:VCARD", "VERSION:3.0", f"N:;{shown};;;", f"FN:{shown}")
    number = f"TEL;type=CELL;waid={phone}:+{phone}"
    return SendContact(to, name, "\n".join((*card, number, "END:VCARD")))


def _degrees(value: Any, name: str, limit: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse(name, f"a number from -{limit} to {limit}")
    if abs(value) > limit:
        _refuse(name, f"a number from -{limit} to {limit}")
    return float(value)


def _refuse(name: str, allowed: str) -> NoReturn:
    raise LocalProtocolError(f"{name} must be {allowed}")


_PARSERS: dict[str, Callable[[Jid, dict[str, Any]], SendCommand]] = {
    "text": _text,
    "reaction": _reaction,
    "edit": _edit,
    "delete": _delete,
    "location": _location,
    "contact": _contact,
}
