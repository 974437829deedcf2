"""Our client and Baileys write to each other on the simulator: texts, receipts, and everything beside texts."""

from base64 import b64decode

import pytest

from tests.interop.cast import Cast, OurParty, TheirParty, eventually

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def pair(module_cast: Cast) -> tuple[OurParty, TheirParty]:
    return module_cast.ours(), module_cast.theirs()


def test_texts_go_both_ways_and_each_is_told_once(pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    ours.client.send(theirs.number, "halo dari kami")
    theirs.client.message("halo dari kami")
    theirs.client.send(ours.pn, "halo dari Baileys")
    event = ours.client.message("halo dari Baileys")
    assert (event["chat_pn"], event["from_me"], event["sender_device"]) == (theirs.pn, False, 1)
    for number in range(10):
        ours.client.send(theirs.number, f"k{number}")
        theirs.client.send(ours.pn, f"b{number}")
    for number in range(10):
        theirs.client.message(f"k{number}")
        ours.client.message(f"b{number}")
    assert [one for one in theirs.client.texts() if one[0] == "k"] == [f"k{n}" for n in range(10)]
    assert [one for one in ours.client.texts() if one[0] == "b"] == [f"b{n}" for n in range(10)]


def test_receipts_reach_the_author(pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    sent = ours.client.send(theirs.number, "sudah dibaca?")
    ours.client.event("message.receipt", lambda one: sent in one["ids"] and one["status"] == "delivered")
    theirs.client.message("sudah dibaca?")
    theirs.client.do("read", message=sent)
    ours.client.event("message.receipt", lambda one: sent in one["ids"] and one["status"] == "read")

    theirs_sent = theirs.client.send(ours.pn, "dan ini?")
    theirs.client.receipt(theirs_sent, "delivered")
    event = ours.client.message("dan ini?")
    assert ours.client.invoke("read", chat=event["chat"], ids=[theirs_sent]).error is None
    theirs.client.receipt(theirs_sent, "read")


def test_both_phones_have_what_their_devices_wrote_and_got(module_cast: Cast, pair) -> None:
    ours, theirs = pair
    ours.client.send(theirs.number, "untuk telepon juga")
    theirs.client.send(ours.pn, "telepon, lihat ini")
    for party in pair:
        for text in ("untuk telepon juga", "telepon, lihat ini"):
            eventually(
                lambda n=party.number, t=text: t in module_cast.upstream.phone_texts(n),
                f"the phone of {party.number} has {text!r}",
            )


def test_what_the_phone_writes_is_a_copy_for_the_devices(module_cast: Cast, pair) -> None:
    ours, theirs = pair
    module_cast.upstream.phone_sends(ours.number, theirs.pn, "dari telepon saya")
    theirs.client.message("dari telepon saya")
    copy = ours.client.message("dari telepon saya")
    assert copy["from_me"] and copy["chat"] in theirs.addresses()


@pytest.mark.parametrize("form", [0, 1], ids=["by number", "by LID"])
def test_one_conversation_by_both_kinds_of_address(pair: tuple[OurParty, TheirParty], form: int) -> None:
    ours, theirs = pair
    names = ["nomor", "LID"]
    ours.client.send(theirs.addresses()[form], f"kami, {names[form]}")
    theirs.client.message(f"kami, {names[form]}")
    theirs.client.send(ours.addresses()[form], f"mereka, {names[form]}")
    event = ours.client.message(f"mereka, {names[form]}")
    assert event["chat"] == theirs.addresses()[form]
    sessions = {key for space, key in ours.client.rows() if space == "session"}
    assert not [key for key in sessions if key.startswith(f"{theirs.number}.")], "sessions are under the LID"


def test_a_conversation_by_numbers_alone(cast: Cast) -> None:
    """Where the server tells no LID, the number is the address."""
    with cast.upstream.by_number_only():
        ours, theirs = cast.ours(), cast.theirs()
        for turn in range(2):
            ours.client.send(theirs.number, f"dari kami {turn}")
            theirs.client.message(f"dari kami {turn}")
            theirs.client.send(ours.pn, f"dari sana {turn}")
            ours.client.message(f"dari sana {turn}")
        addresses = [*cast.upstream.written_to(ours.number), *cast.upstream.written_to(theirs.number)]
    assert {str(jid) for jid in addresses} == {ours.pn, theirs.pn}
    assert ours.client.events("message.undecryptable") == []


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


def test_typing_and_presence(module_cast: Cast, pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    theirs.client.do("presence", type="composing", to=ours.pn)
    event = ours.client.event("chat.typing")
    assert (event["sender"] in theirs.addresses(), event["state"]) == (True, "composing")
    theirs.client.do("presence", type="recording", to=ours.pn)
    ours.client.event("chat.typing", lambda one: one["state"] == "recording")
    assert ours.client.invoke("typing", to=theirs.number, state="composing").error is None
    told = theirs.client.event("presence.update", lambda one: "composing" in str(one["presences"]))
    assert told["id"] in ours.addresses()


def test_who_is_on_whatsapp(pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    users = ours.client.invoke("on_whatsapp", phones=[theirs.number, "628990000000"]).data["users"]
    assert [user["registered"] for user in users] == [True, False]
    found = theirs.client.do("on_whatsapp", phones=[ours.number])
    assert found == [{"jid": ours.pn, "exists": True}]
