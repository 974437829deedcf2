"""What our client and Baileys write to each other beside plain texts: replies, reactions, edits, places, media."""

from base64 import b64decode

import pytest

from tests.interop.cast import OurParty, TheirParty

pytestmark = pytest.mark.interop


def test_replies_and_mentions(pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    asked = ours.client.send(theirs.number, "berapa harganya?")
    theirs.client.message("berapa harganya?")
    theirs.client.send(ours.pn, "lima ribu", quoted=asked)
    answer = ours.client.message("lima ribu")
    assert answer["reply_to"]["id"] == asked
    assert answer["reply_to"]["quoted"] == {"type": "text", "text": "berapa harganya?"}

    theirs.client.send_content(ours.pn, {"text": f"@{ours.number} halo", "mentions": [ours.pn]})
    mention = ours.client.message(f"@{ours.number} halo")
    assert mention["mentions"] == [ours.pn]

    offered = theirs.client.send(ours.pn, "mau pesan?")
    ours.client.message("mau pesan?")
    ours.client.send_content(
        to=theirs.number, text="mau", reply_to={"id": offered, "text": "mau pesan?"}, mentions=[theirs.number]
    )
    context = theirs.client.message("mau")["message"]["extendedTextMessage"]["contextInfo"]
    assert context["stanzaId"] == offered
    assert context["participant"] in theirs.addresses()
    assert context["quotedMessage"] == {"conversation": "mau pesan?"}
    assert context["mentionedJid"] == [theirs.pn]

    ours.client.send_content(
        to=theirs.number, text="jadi?", reply_to={"id": asked, "text": "berapa harganya?", "from_me": True}
    )
    context = theirs.client.message("jadi?")["message"]["extendedTextMessage"]["contextInfo"]
    assert context["stanzaId"] == asked and context["participant"] in ours.addresses()


def test_reactions_both_ways(pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    sent = ours.client.send(theirs.number, "kabar baik")
    theirs.client.message("kabar baik")
    theirs.client.send_content(ours.pn, {"react": {"message": sent, "text": "👍"}})
    event = ours.client.event("message.reaction", lambda one: one["message"]["id"] == sent)
    assert (event["emoji"], event["removed"]) == ("👍", False)
    theirs.client.send_content(ours.pn, {"react": {"message": sent, "text": ""}})
    ours.client.event("message.reaction", lambda one: one["message"]["id"] == sent and one["removed"])

    received = theirs.client.send(ours.pn, "kabar lain")
    ours.client.message("kabar lain")
    ours.client.send_content(
        to=theirs.number, type="reaction", message={"id": received, "from_me": False}, emoji="❤️"
    )
    told = theirs.client.event(
        "messages.reaction", lambda many: any(one["key"]["id"] == received for one in many)
    )
    assert told[0]["reaction"]["text"] == "❤️"


def test_edits_both_ways(pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    sent = ours.client.send(theirs.number, "salh ketik")
    theirs.client.message("salh ketik")
    ours.client.send_content(to=theirs.number, type="edit", message={"id": sent}, text="salah ketik")
    update = theirs.client.update(sent, lambda one: one.get("message"))
    assert "salah ketik" in str(update)

    received = theirs.client.send(ours.pn, "jm 5")
    ours.client.message("jm 5")
    theirs.client.send_content(ours.pn, {"edit": received, "text": "jam 5"})
    event = ours.client.event("message.edited", lambda one: one["message"]["id"] == received)
    assert event["content"] == {"text": "jam 5"}


def test_deletions_both_ways(pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    sent = ours.client.send(theirs.number, "jangan dibaca")
    theirs.client.message("jangan dibaca")
    ours.client.send_content(to=theirs.number, type="delete", message={"id": sent})
    theirs.client.update(sent, lambda one: "messageStubType" in one)

    received = theirs.client.send(ours.pn, "salah kirim")
    ours.client.message("salah kirim")
    theirs.client.send_content(ours.pn, {"delete": received})
    ours.client.event("message.deleted", lambda one: one["message"]["id"] == received)


def test_locations_and_contacts_both_ways(pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    ours.client.send_content(
        to=theirs.number, type="location", latitude=-6.175, longitude=106.827, name="Monas"
    )
    place = theirs.client.message_with(lambda one: "locationMessage" in (one.get("message") or {}))
    assert place["message"]["locationMessage"]["name"] == "Monas"
    ours.client.send_content(to=theirs.number, type="contact", name="Toko", phone="6281100009")
    card = theirs.client.message_with(lambda one: "contactMessage" in (one.get("message") or {}))
    assert "waid=6281100009" in card["message"]["contactMessage"]["vcard"]

    theirs.client.send_content(
        ours.pn, {"location": {"degreesLatitude": -7.25, "degreesLongitude": 112.75, "name": "Tugu"}}
    )
    event = ours.client.event("message.received", lambda one: one["type"] == "location")
    assert (event["content"]["latitude"], event["content"]["name"]) == (-7.25, "Tugu")
    vcard = "BEGIN:VCARD\nVERSION:3.0\nFN:Ani\nEND:VCARD"
    theirs.client.send_content(ours.pn, {"contacts": {"displayName": "Ani", "contacts": [{"vcard": vcard}]}})
    event = ours.client.event("message.received", lambda one: one["type"] == "contact")
    assert event["content"]["vcard"] == vcard


MEDIA = {
    "url": "https://mmg.invalid/v/t62/1",
    "directPath": "/v/t62/1",
    "mediaKey": bytes(range(32)),
    "fileSha256": b"s" * 32,
    "fileEncSha256": b"e" * 32,
    "fileLength": 321,
    "mimetype": "application/octet-stream",
}


@pytest.mark.parametrize(
    ("message", "type_", "content"),
    [
        ({"stickerMessage": MEDIA | {"isAnimated": True}}, "sticker", {"animated": True, "size_bytes": 321}),
        ({"audioMessage": MEDIA | {"ptt": True, "seconds": 7}}, "voice", {"duration_s": 7}),
        ({"imageMessage": MEDIA | {"caption": "foto", "width": 10}}, "image", {"caption": "foto"}),
        ({"documentMessage": MEDIA | {"fileName": "a.pdf"}}, "document", {"file_name": "a.pdf"}),
        (
            {
                "pollCreationMessageV3": {
                    "name": "Makan?",
                    "options": [{"optionName": "ya"}, {"optionName": "tidak"}],
                    "selectableOptionsCount": 1,
                }
            },
            "poll",
            {"question": "Makan?", "options": ["ya", "tidak"], "selectable": 1},
        ),
        ({"orderMessage": {"orderId": "77", "itemCount": 3}}, "unknown", {}),
    ],
    ids=["sticker", "voice note", "image", "document", "poll", "unknown"],
)
def test_other_content_of_baileys_becomes_typed_events(pair, message, type_, content) -> None:
    ours, theirs = pair
    sent = theirs.client.do("relay", to=ours.pn, message=message)["id"]
    event = ours.client.event("message.received", lambda one: one["id"] == sent)
    assert event["type"] == type_
    assert event["content"] | content == event["content"]
    if type_ == "unknown":
        assert b"77" in b64decode(event["content"]["protobuf_base64"])
