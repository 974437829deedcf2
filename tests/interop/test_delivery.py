"""What the network does between our client and Baileys: away, out of order, damaged."""

import pytest

from simulator.whatsapp.knobs import DAMAGES
from tests.interop.cast import Cast, OurParty, TheirParty

pytestmark = pytest.mark.interop


@pytest.fixture
def pair(cast: Cast) -> tuple[OurParty, TheirParty]:
    """Both have written, so that running sessions are met, too."""
    ours, theirs = cast.ours(), cast.theirs()
    ours.client.send(theirs.number, "pertama")
    theirs.client.message("pertama")
    theirs.client.send(ours.pn, "kedua")
    ours.client.message("kedua")
    return ours, theirs


def test_messages_wait_for_who_is_away(cast: Cast, pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    theirs.client.do("stop")
    sent = [ours.client.send(theirs.number, f"nanti {number}") for number in range(5)]
    cast.restarted(theirs.client)
    for number in range(5):
        theirs.client.message(f"nanti {number}")
    ours.client.event("message.receipt", lambda one: sent[-1] in one["ids"])

    ours.client.stop()
    for number in range(5):
        theirs.client.send(ours.pn, f"besok {number}")
    ours.client.restart()
    events = [ours.client.message(f"besok {number}") for number in range(5)]
    assert all(event["offline"] for event in events)
    ours.client.event("session.caught_up")


def test_a_first_message_to_somebody_who_is_away(cast: Cast) -> None:
    ours, theirs = cast.ours(), cast.theirs()
    theirs.client.do("stop")
    ours.client.send(theirs.number, "kenalan")
    ours.client.stop()
    cast.restarted(theirs.client)
    theirs.client.message("kenalan")
    theirs.client.send(ours.pn, "salam")
    ours.client.restart()
    ours.client.message("salam")


def test_messages_that_overtake_each_other(cast: Cast, pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    with cast.upstream.held_back(theirs.number, 4):
        for number in range(4):
            ours.client.send(theirs.number, f"t{number}")
    with cast.upstream.held_back(ours.number, 4):
        for number in range(4):
            theirs.client.send(ours.pn, f"o{number}")
    for number in range(4):
        theirs.client.message(f"t{number}")
        ours.client.message(f"o{number}")
    assert [one for one in theirs.client.texts() if one[0] == "t"] == ["t3", "t2", "t1", "t0"]
    assert [one for one in ours.client.texts() if one[0] == "o"] == ["o3", "o2", "o1", "o0"]
    assert ours.client.events("message.undecryptable") == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_damaged_message_is_asked_for_and_comes_again(
    cast: Cast, pair: tuple[OurParty, TheirParty], times: int
) -> None:
    ours, theirs = pair
    cast.upstream.damage(theirs.number, times)
    sent = ours.client.send(theirs.number, "rusak ke sana")
    assert theirs.client.message("rusak ke sana")["key"]["id"] == sent
    assert cast.upstream.retries(theirs.number) == times

    cast.upstream.damage(ours.number, times)
    theirs.client.send(ours.pn, "rusak ke sini")
    ours.client.message("rusak ke sini")
    assert cast.upstream.retries(ours.number) == times
    for party, text in ((theirs, "masih jalan"), (ours, "jalan terus")):
        other = ours if party is theirs else theirs
        other.client.send(party.number if other is ours else party.pn, text)
        party.client.message(text)
    assert theirs.client.texts().count("rusak ke sana") == 1
    assert ours.client.texts().count("rusak ke sini") == 1


def test_a_damaged_group_message_is_asked_for_and_comes_again(
    cast: Cast, pair: tuple[OurParty, TheirParty]
) -> None:
    ours, theirs = pair
    jid = cast.upstream.group("Rusak", [ours.number, theirs.number])
    for party in pair:
        party.client.send(jid, f"pembuka {party.number}")
    ours.client.message(f"pembuka {theirs.number}")
    theirs.client.message(f"pembuka {ours.number}")
    cast.upstream.damage(theirs.number, 1)
    ours.client.send(jid, "grup ke sana")
    theirs.client.message("grup ke sana")
    cast.upstream.damage(ours.number, 1)
    theirs.client.send(jid, "grup ke sini")
    ours.client.message("grup ke sini")
    assert ours.client.texts().count("grup ke sini") == 1


@pytest.mark.parametrize("how", [how for how in DAMAGES if how != "mac"])
def test_bytes_that_are_no_ciphertext_any_more_are_asked_for_again(
    cast: Cast, pair: tuple[OurParty, TheirParty], how: str
) -> None:
    ours, theirs = pair
    jid = cast.upstream.group("Rusak", [ours.number, theirs.number])
    for number, to in enumerate((ours.pn, jid, jid, ours.pn)):
        cast.upstream.damage(ours.number, 1, how)
        theirs.client.send(to, f"rusak {number}")
        ours.client.message(f"rusak {number}")
    assert cast.upstream.retries(ours.number) >= 4
    assert [text for text in ours.client.texts() if text.startswith("rusak")] == [
        f"rusak {n}" for n in range(4)
    ]


def test_who_lost_its_sessions_is_understood_again(cast: Cast, pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    theirs.client.do("forget")
    ours.client.send(theirs.number, "kamu lupa?")
    theirs.client.message("kamu lupa?")
    theirs.client.send(ours.pn, "sudah ingat")
    ours.client.message("sudah ingat")
    assert ours.client.events("message.undecryptable") == []


def test_a_restart_in_the_middle_of_a_conversation(cast: Cast, pair: tuple[OurParty, TheirParty]) -> None:
    ours, theirs = pair
    for number in range(6):
        ours.client.send(theirs.number, f"r{number}")
        begun = ours.client.restart()
        theirs.client.send(ours.pn, f"q{number}")
        ours.client.opened(begun)
    for number in range(6):
        theirs.client.message(f"r{number}")
        ours.client.message(f"q{number}")
    assert sorted(one for one in ours.client.texts() if one[0] == "q") == [f"q{n}" for n in range(6)]
