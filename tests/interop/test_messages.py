"""Our client and Baileys write to each other on the simulator: texts, receipts, addresses, typing."""

import pytest

from tests.interop.cast import Cast, OurParty, TheirParty, eventually

pytestmark = pytest.mark.interop


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
