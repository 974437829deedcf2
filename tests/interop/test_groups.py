"""Our client and Baileys in a group, named by LID and by number."""

import pytest

from tests.interop.cast import Cast, OurParty, TheirParty, eventually

pytestmark = pytest.mark.interop
Trio = tuple[OurParty, TheirParty, OurParty, str]


@pytest.fixture(scope="module", params=[True, False], ids=["by LID", "by number"])
def group(module_cast: Cast, request: pytest.FixtureRequest) -> Trio:
    ours, theirs, third = module_cast.ours(), module_cast.theirs(), module_cast.ours()
    numbers = [ours.number, theirs.number, third.number]
    jid = module_cast.upstream.group("Warung", numbers, by_lid=request.param)
    return ours, theirs, third, jid


def test_texts_reach_every_member_once(group: Trio) -> None:
    ours, theirs, third, jid = group
    for number in range(3):
        ours.client.send(jid, f"k{number}")
        theirs.client.send(jid, f"b{number}")
    for number in range(3):
        theirs.client.message(f"k{number}")
        for reader in (ours, third):
            event = reader.client.message(f"b{number}")
            assert event["chat"] == jid and event["sender"] in theirs.addresses()
        third.client.message(f"k{number}")
    assert sorted(one for one in theirs.client.texts() if one[0] == "k") == ["k0", "k1", "k2"]
    assert sorted(third.client.texts()) == ["b0", "b1", "b2", "k0", "k1", "k2"]


def test_receipts_of_members_reach_the_author(group: Trio) -> None:
    ours, theirs, third, jid = group
    sent = ours.client.send(jid, "siapa baca?")
    for reader in (theirs, third):
        ours.client.event(
            "message.receipt",
            lambda one, r=reader: (
                sent in one["ids"]
                and one["sender"].partition(":")[0].partition("@")[0] in (r.number, r.person.lid)
            ),
        )
    theirs.client.message("siapa baca?")
    theirs.client.do("read", message=sent)
    ours.client.event("message.receipt", lambda one: sent in one["ids"] and one["status"] == "read")
    back = theirs.client.send(jid, "kalian?")
    event = ours.client.message("kalian?")
    theirs.client.receipt(back, "delivered")
    assert ours.client.invoke("read", chat=jid, ids=[back], sender=event["sender"]).error is None
    theirs.client.receipt(back, "read")


def test_reactions_edits_and_deletions(group: Trio) -> None:
    ours, theirs, third, jid = group
    sent = ours.client.send(jid, "rapat jam 4")
    theirs.client.message("rapat jam 4")
    theirs.client.send_content(jid, {"react": {"message": sent, "text": "🙏"}})
    ours.client.event("message.reaction", lambda one: one["message"]["id"] == sent and one["emoji"] == "🙏")
    ours.client.send_content(to=jid, type="edit", message={"id": sent}, text="rapat jam 5")
    assert "rapat jam 5" in str(theirs.client.update(sent, lambda one: one.get("message")))
    ours.client.send_content(to=jid, type="delete", message={"id": sent})
    theirs.client.update(sent, lambda one: "messageStubType" in one)
    third.client.event("message.deleted", lambda one: one["message"]["id"] == sent)


def test_replies_name_the_author(group: Trio) -> None:
    ours, theirs, third, jid = group
    asked = theirs.client.send(jid, "siapa ikut?")
    author = third.client.message("siapa ikut?")["sender"]
    ours.client.message("siapa ikut?")
    quoted = {"id": asked, "text": "siapa ikut?", "sender": author}
    ours.client.send_content(to=jid, text="saya", reply_to=quoted)
    context = theirs.client.message("saya")["message"]["extendedTextMessage"]["contextInfo"]
    assert context["stanzaId"] == asked and context["participant"] in theirs.addresses()
    assert third.client.message("saya")["reply_to"]["sender"] in theirs.addresses()

    theirs.client.send(jid, "aku juga", quoted=asked)
    answer = ours.client.message("aku juga")["reply_to"]
    assert answer["id"] == asked and answer["sender"] in theirs.addresses()


def test_a_member_who_is_away_reads_everything_later(module_cast: Cast, group: Trio) -> None:
    ours, theirs, third, jid = group
    third.client.stop()
    theirs.client.do("stop")
    sent = [f"sambil pergi {number}" for number in range(5)]
    for text in sent:
        ours.client.send(jid, text)
    module_cast.restarted(theirs.client)
    third.client.restart()
    for text in sent:
        theirs.client.message(text)
        assert third.client.message(text)["offline"]
    assert [one for one in theirs.client.texts() if one in sent] == sent


def test_a_new_device_of_a_member_reads_on(module_cast: Cast, group: Trio) -> None:
    ours, theirs, third, jid = group
    second = module_cast.ours(theirs.person)
    ours.client.send(jid, "perangkat baru?")
    second.client.message("perangkat baru?")
    theirs.client.send(jid, "ya, dua sekarang")
    copy = second.client.message("ya, dua sekarang")
    assert copy["from_me"]
    module_cast.upstream.unlink(theirs.number, 2)
    ours.client.send(jid, "satu lagi")
    theirs.client.message("satu lagi")
    assert "satu lagi" not in second.client.texts()
    eventually(lambda: "satu lagi" in third.client.texts(), "the others read on")


def test_who_is_removed_reads_no_more_and_who_is_added_does(module_cast: Cast, group: Trio) -> None:
    ours, theirs, third, jid = group
    module_cast.upstream.remove_member(jid, third.number)
    ours.client.send(jid, "tanpa dia")
    theirs.client.message("tanpa dia")
    module_cast.upstream.add_member(jid, third.number)
    theirs.client.send(jid, "selamat datang lagi")
    third.client.message("selamat datang lagi")
    ours.client.send(jid, "lengkap")
    third.client.message("lengkap")
    assert "tanpa dia" not in third.client.texts()
