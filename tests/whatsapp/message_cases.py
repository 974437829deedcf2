"""Every kind of content that a message can have, and the event that applications see."""

import base64
import math

from whatsapp import message_pb2 as wa

KEY = wa.MessageKey(remote_jid="1@s.whatsapp.net", from_me=True, id="X", participant="2@lid")
KEY_FIELDS = {"id": "X", "chat": "1@s.whatsapp.net", "from_me": True, "sender": "2@lid"}
IMAGE = wa.ImageMessage(
    url="https://mmg.example/x",
    direct_path="/x",
    mimetype="image/jpeg",
    caption="lihat",
    file_length=10,
    width=2,
    height=3,
    media_key=b"k" * 32,
    file_sha256=b"s" * 32,
    file_enc_sha256=b"e" * 32,
)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


IMAGE_FIELDS = {
    "url": "https://mmg.example/x",
    "direct_path": "/x",
    "mimetype": "image/jpeg",
    "caption": "lihat",
    "size_bytes": 10,
    "width": 2,
    "height": 3,
    "media_key": b64(b"k" * 32),
    "sha256": b64(b"s" * 32),
    "encrypted_sha256": b64(b"e" * 32),
}
POLL = wa.PollCreationMessage(
    name="Kapan?",
    options=[wa.PollCreationMessage.Option(option_name=name) for name in ("hari ini", "besok")],
    selectable_options_count=1,
)
POLL_FIELDS = {"question": "Kapan?", "options": ["hari ini", "besok"], "selectable": 1}
CARD = wa.ContactMessage(display_name="Budi", vcard="BEGIN:VCARD")


def received(type_: str, content: dict, **more: object) -> tuple[str, dict]:
    return "message.received", {"type": type_, "content": content, **more}


CASES = {
    "text": (wa.Message(conversation="halo"), received("text", {"text": "halo"})),
    "forwarded with a timer": (
        wa.Message(
            extended_text_message=wa.ExtendedTextMessage(
                text="halo", context_info=wa.ContextInfo(is_forwarded=True, expiration=86400)
            )
        ),
        received("text", {"text": "halo"}, forwarded=True, expires_after_s=86400),
    ),
    "link": (
        wa.Message(
            extended_text_message=wa.ExtendedTextMessage(text="a", matched_text="https://a", title="A")
        ),
        received("text", {"text": "a", "link": {"url": "https://a", "title": "A", "description": ""}}),
    ),
    "image": (wa.Message(image_message=IMAGE), received("image", IMAGE_FIELDS)),
    "view once": (
        wa.Message(view_once_message_v2=wa.Wrapper(message=wa.Message(image_message=IMAGE))),
        received("image", IMAGE_FIELDS, view_once=True),
    ),
    "disappearing document with caption": (
        wa.Message(
            ephemeral_message=wa.Wrapper(
                message=wa.Message(
                    document_with_caption_message=wa.Wrapper(
                        message=wa.Message(
                            document_message=wa.DocumentMessage(file_name="a.pdf", caption="b")
                        )
                    )
                )
            )
        ),
        received("document", {"file_name": "a.pdf", "caption": "b"}, disappearing=True),
    ),
    "voice note": (
        wa.Message(audio_message=wa.AudioMessage(seconds=3, ptt=True, waveform=b"w")),
        received("voice", {"duration_s": 3, "voice_note": True, "waveform": b64(b"w")}),
    ),
    "audio": (
        wa.Message(audio_message=wa.AudioMessage(seconds=3)),
        received("audio", {"duration_s": 3}),
    ),
    "sticker": (
        wa.Message(sticker_message=wa.StickerMessage(is_animated=True)),
        received("sticker", {"animated": True}),
    ),
    "video note": (
        wa.Message(ptv_message=wa.VideoMessage(seconds=1)),
        received("video_note", {"duration_s": 1}),
    ),
    "poll": (wa.Message(poll_creation_message_v3=POLL), received("poll", POLL_FIELDS)),
    "poll in a wrapper": (
        wa.Message(poll_creation_message_v4=wa.Wrapper(message=wa.Message(poll_creation_message=POLL))),
        received("poll", POLL_FIELDS),
    ),
    "vote": (
        wa.Message(
            poll_update_message=wa.PollUpdateMessage(
                poll_creation_message_key=KEY,
                vote=wa.PollUpdateMessage.EncryptedVote(enc_payload=b"p", enc_iv=b"i"),
            )
        ),
        (
            "message.poll_vote",
            {
                "message": KEY_FIELDS,
                "encrypted": {"payload_base64": b64(b"p"), "iv_base64": b64(b"i")},
            },
        ),
    ),
    "contact": (
        wa.Message(contact_message=CARD),
        received("contact", {"name": "Budi", "vcard": "BEGIN:VCARD"}),
    ),
    "contacts": (
        wa.Message(contacts_array_message=wa.ContactsArrayMessage(display_name="2", contacts=[CARD, CARD])),
        received("contacts", {"name": "2", "contacts": [{"name": "Budi", "vcard": "BEGIN:VCARD"}] * 2}),
    ),
    "location without numbers": (
        wa.Message(
            location_message=wa.LocationMessage(degrees_latitude=math.nan, degrees_longitude=math.inf)
        ),
        received(
            "location",
            {"latitude": None, "longitude": None, "name": None, "address": None, "url": None},
        ),
    ),
    "live location": (
        wa.Message(
            live_location_message=wa.LiveLocationMessage(
                degrees_latitude=1.5, degrees_longitude=2.5, sequence_number=7
            )
        ),
        received("live_location", {"latitude": 1.5, "longitude": 2.5, "caption": None, "sequence": 7}),
    ),
    "group invite": (
        wa.Message(
            group_invite_message=wa.GroupInviteMessage(group_jid="1@g.us", invite_code="c", group_name="G")
        ),
        received(
            "group_invite",
            {"group": "1@g.us", "code": "c", "expires_at": 0, "name": "G", "caption": None},
        ),
    ),
    "reaction taken back": (
        wa.Message(reaction_message=wa.ReactionMessage(key=KEY, text="")),
        ("message.reaction", {"message": KEY_FIELDS, "emoji": "", "removed": True}),
    ),
    "deletion": (
        wa.Message(protocol_message=wa.ProtocolMessage(type=wa.ProtocolMessage.REVOKE, key=KEY)),
        ("message.deleted", {"message": KEY_FIELDS}),
    ),
    "edit": (
        wa.Message(
            protocol_message=wa.ProtocolMessage(
                type=wa.ProtocolMessage.MESSAGE_EDIT, key=KEY, edited_message=wa.Message(conversation="b")
            )
        ),
        ("message.edited", {"message": KEY_FIELDS, "type": "text", "content": {"text": "b"}}),
    ),
    "timer": (
        wa.Message(
            protocol_message=wa.ProtocolMessage(
                type=wa.ProtocolMessage.EPHEMERAL_SETTING, ephemeral_expiration=86400
            )
        ),
        ("chat.expiration", {"expires_after_s": 86400}),
    ),
}
