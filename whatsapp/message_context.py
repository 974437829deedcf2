"""What surrounds a message's content: wrappers, and what it says about other messages (replies, mentions, keys)."""

from typing import Any

from whatsapp import message_pb2 as wa

MAX_WRAPPERS = 8
MAX_MENTIONS = 2048
_WRAPPERS = {
    "view_once_message": "view_once",
    "view_once_message_v2": "view_once",
    "view_once_message_v2_extension": "view_once",
    "ephemeral_message": "disappearing",
    "document_with_caption_message": None,
    "edited_message": None,
    "group_mentioned_message": None,
    "lottie_sticker_message": None,
    "poll_creation_message_v4": None,
}
MEDIA = {
    "image_message": "image",
    "video_message": "video",
    "audio_message": "audio",
    "document_message": "document",
    "sticker_message": "sticker",
    "ptv_message": "video_note",
}
POLLS = (
    "poll_creation_message",
    "poll_creation_message_v2",
    "poll_creation_message_v3",
    "poll_creation_message_v5",
)
TYPES = (
    MEDIA
    | dict.fromkeys(POLLS, "poll")
    | {"location_message": "location", "contact_message": "contact", "contacts_array_message": "contacts"}
)


def unwrap(message: wa.Message) -> tuple[wa.Message, set[str]]:
    """The innermost message, and notes about what was around it."""
    notes: set[str] = set()
    for _ in range(MAX_WRAPPERS):
        found = next((name for name in _WRAPPERS if message.HasField(name)), None)
        if found is None:
            break
        note = _WRAPPERS[found]
        notes |= {note} if note else set()
        message = getattr(message, found).message
    return message, notes


def key_fields(key: wa.MessageKey) -> dict[str, Any]:
    """The message that another one is about."""
    return {
        "id": key.id,
        "chat": key.remote_jid or None,
        "from_me": key.from_me,
        "sender": key.participant or None,
    }


def context_fields(holder: Any) -> dict[str, Any]:
    """What a message says about others: reply, mentions, forwarded."""
    if not holder.HasField("context_info"):
        return {}
    info = holder.context_info
    told: dict[str, Any] = {}
    if info.HasField("stanza_id"):
        quoted = describe_quoted(info.quoted_message) if info.HasField("quoted_message") else None
        told["reply_to"] = {"id": info.stanza_id, "sender": info.participant or None, "quoted": quoted}
    if info.mentioned_jid:
        told["mentions"] = list(info.mentioned_jid[:MAX_MENTIONS])
    if info.is_forwarded:
        told["forwarded"] = True
    if info.expiration:
        told["expires_after_s"] = info.expiration
    return told


def describe_quoted(quoted: wa.Message) -> dict[str, Any]:
    """Type and text of a quoted message, no more: quotes may nest."""
    inner, _ = unwrap(quoted)
    text = inner.conversation or inner.extended_text_message.text
    if text:
        return {"type": "text", "text": text}
    kinds = [one.name for one, _ in inner.ListFields() if one.name in TYPES]
    return {"type": TYPES[kinds[0]] if kinds else "unknown", "text": None}
