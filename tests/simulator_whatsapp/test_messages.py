"""Texts between accounts, devices and phones: live, late, damaged."""

import pytest

from simulator.whatsapp.knobs import DAMAGES, Faults
from simulator.whatsapp.settings import ServerSettings
from tests.simulator_whatsapp.driving import BUDI, SITI, World


def test_a_text_reaches_every_device_of_both_sides_once(world: World) -> None:
    one, other, reader = world.linked(BUDI), world.linked(BUDI), world.linked(SITI)
    one.send(SITI, "halo")
    assert reader.texts() == ["halo"]
    assert other.copies() == ["halo"]
    assert world.person(SITI).texts() == ["halo"]
    inbox = world.person(BUDI).inbox()
    assert [entry["text"] for entry in inbox if entry["kind"] == "message.received"] == ["halo"]


def test_a_conversation_goes_on_in_both_directions(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    for number in range(5):
        one.send(SITI, f"to Siti {number}")
        other.send(BUDI, f"to Budi {number}")
    assert other.texts() == [f"to Siti {number}" for number in range(5)]
    assert one.texts() == [f"to Budi {number}" for number in range(5)]


def test_the_author_learns_that_it_was_delivered_and_read(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    message = one.send(SITI, "halo")
    chat = other.told("message.received")[0]["chat"]
    other.invoke("read", chat=chat, ids=[message])
    told = {(receipt["status"], receipt["sender"]) for receipt in one.told("message.receipt")}
    lid = world.person(SITI).account.lid
    assert told == {("delivered", f"{lid}@lid"), ("delivered", f"{lid}:1@lid"), ("read", f"{lid}:1@lid")}


@pytest.mark.parametrize("by_lid", [True, False], ids=["by LID", "by number"])
def test_a_phone_writes_to_others_and_its_companions_see_it(world: World, by_lid: bool) -> None:
    companion, reader = world.linked(BUDI), world.linked(SITI)
    world.act(lambda: world.person(BUDI).send_text(SITI, "from the phone", by_lid))
    assert reader.texts() == ["from the phone"]
    assert companion.copies() == ["from the phone"]
    assert world.person(SITI).texts() == ["from the phone"]


@pytest.mark.parametrize("private", [False, True])
def test_what_was_read_privately_the_author_does_not_learn(world: World, private: bool) -> None:
    one, reader, second = world.linked(BUDI), world.linked(SITI), world.linked(SITI)
    one.send(SITI, "halo")
    event = reader.told("message.received")[0]
    reader.invoke("read", chat=event["chat"], ids=[event["id"]], private=private)
    world.run()
    assert ("read" in [receipt["status"] for receipt in one.told("message.receipt")]) is not private
    assert [receipt["status"] for receipt in second.told("message.receipt")] == ["read_by_us"]


def test_a_phone_that_reads_tells_so(world: World) -> None:
    one = world.linked(BUDI)
    world.person(SITI).handset.habits.reads = True
    one.send(SITI, "halo")
    assert [receipt["status"] for receipt in one.told("message.receipt")] == ["delivered", "read"]


def test_what_comes_while_a_device_is_away_comes_when_it_is_back_in_order(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    other.close()
    texts = [f"number {number}" for number in range(30)]
    for text in texts:
        one.send(SITI, text)
    other.open()
    assert other.texts() == texts
    assert all(event["offline"] for event in other.told("message.received"))
    assert other.told("session.caught_up")[-1]["count"] >= 30
    assert not world.person(SITI).account.devices[1].waiting


def test_what_was_not_answered_comes_again(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    # The connection is lost with the message on its way.
    link = other.link
    assert link is not None
    del world.clients[link]
    one.send(SITI, "halo")
    assert other.texts() == []
    world.server.closed(link)
    other.lost()
    other.open()
    assert other.texts() == ["halo"]


def test_a_phone_that_is_off_reads_later(world: World) -> None:
    one, siti = world.linked(BUDI), world.person(SITI)
    siti.switch(False)
    one.send(SITI, "halo")
    assert siti.texts() == []
    world.act(lambda: siti.switch(True))
    assert siti.texts() == ["halo"]


def test_where_no_lid_is_told_messages_go_by_number() -> None:
    world = World(settings=ServerSettings(tells_lids=False))
    one, other = world.linked(BUDI), world.linked(SITI)
    one.send(SITI, "halo")
    other.send(BUDI, "hai")
    one.send(SITI, "lagi")
    assert (one.texts(), other.texts()) == (["hai"], ["halo", "lagi"])
    assert world.person(SITI).texts() == ["halo", "lagi"]
    seen = [entry for entry in world.server.core.observed.seen if entry.who in (f"{BUDI}:1", f"{SITI}:1")]
    sent = [entry.node for entry in seen if entry.node.tag == "message" and not entry.outward]
    assert [node.jid_attr("to").server for node in sent] == ["s.whatsapp.net"] * 3
    assert list(world.server.core.observed.complaints) == []


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_message_is_asked_for_again_and_arrives(world: World, how: str) -> None:
    """At a companion and at a phone."""
    one, other = world.linked(BUDI), world.linked(SITI)
    one.send(SITI, "first")
    for device in range(2):
        world.server.parts.knobs.by_device[f"{SITI}:{device}"] = Faults(corrupt=1, damage=how)
    one.send(SITI, "second")
    assert other.texts() == ["first", "second"]
    assert world.person(SITI).texts() == ["first", "second"]


def test_a_message_that_is_damaged_again_and_again_is_given_up(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    world.server.parts.knobs.by_device[f"{SITI}:1"] = Faults(corrupt=-1)
    one.send(SITI, "never")
    assert other.texts() == []
    assert len(other.told("message.undecryptable")) == 1


def test_a_damaged_message_of_a_phone_is_asked_for_again_and_arrives(world: World) -> None:
    other = world.linked(SITI)
    world.server.parts.knobs.by_device[f"{SITI}:1"] = Faults(corrupt=2)
    world.act(lambda: world.person(BUDI).send_text(SITI, "halo"))
    assert other.texts() == ["halo"]


def test_a_phone_that_lost_its_sessions_asks_again(world: World) -> None:
    one, siti = world.linked(BUDI), world.person(SITI)
    one.send(SITI, "first")
    # An answer, so that what follows is no first message any more.
    world.act(lambda: siti.send_text(BUDI, "answer"))
    one.send(SITI, "second")
    siti.forget_sessions()
    one.send(SITI, "third")
    assert siti.texts() == ["first", "second", "third"]


def test_a_phone_that_refuses_gets_the_message_again(world: World) -> None:
    one, siti = world.linked(BUDI), world.person(SITI)
    siti.handset.habits.refuses = 2
    one.send(SITI, "halo")
    assert siti.texts() == ["halo"]


def test_a_message_that_comes_twice_is_told_once(world: World) -> None:
    one, other = world.linked(BUDI), world.linked(SITI)
    world.server.parts.knobs.by_device[f"{SITI}:1"] = Faults(doubled=1)
    one.send(SITI, "halo")
    assert other.texts() == ["halo"]


def test_a_device_that_is_linked_later_is_written_to(world: World) -> None:
    one, first = world.linked(BUDI), world.linked(SITI)
    one.send(SITI, "one")
    second = world.linked(SITI)
    one.send(SITI, "two")
    assert (first.texts(), second.texts()) == (["one", "two"], ["two"])


def test_a_new_phone_is_noticed_and_written_to(world: World) -> None:
    one, siti = world.linked(BUDI), world.person(SITI)
    one.send(SITI, "one")
    world.act(siti.reinstall)
    assert one.told("identity.changed")
    one.send(SITI, "two")
    assert world.person(SITI).texts() == ["two"]


def test_one_time_keys_that_run_out_do_not_stop_messages(world: World) -> None:
    world.linked(SITI).close()
    reader = world.person(SITI).account.devices[1]
    for number in range(25):
        person = world.person(f"62812000000{number:02}")
        world.act(lambda person=person: person.send_text(SITI, "halo"))  # type: ignore[misc]
    assert len(reader.one_time) == 0
    assert len(reader.waiting) >= 25


def test_a_device_whose_keys_run_low_makes_more(world: World) -> None:
    client = world.linked(SITI)
    for number in range(17):
        person = world.person(f"62812000000{number:02}")
        world.act(lambda person=person: person.send_text(SITI, "halo"))  # type: ignore[misc]
    assert len(client.texts()) == 17
    assert len(world.person(SITI).account.devices[1].one_time) > 5


def test_a_number_that_is_not_here_cannot_be_written_to(world: World) -> None:
    client = world.linked(BUDI)
    reply = client.reply(client.ask("6289999999999", "halo"))
    assert reply is not None and reply.error is not None and "not on WhatsApp" in reply.error


def test_which_numbers_are_here(world: World) -> None:
    client, siti = world.linked(BUDI), world.person(SITI)
    users = client.invoke("on_whatsapp", phones=[SITI, "6289999999999"]).data["users"]
    assert [user["registered"] for user in users] == [True, False]
    assert users[0]["lid"] == str(siti.account.lid_jid())


def test_typing_and_calls_are_seen(world: World) -> None:
    client = world.linked(BUDI)
    siti = world.person(SITI)
    world.act(lambda: siti.typing(BUDI))
    assert client.told("chat.typing")[0]["state"] == "composing"
    call = world.act(lambda: siti.call(BUDI))
    assert client.told("call.offered")[0]["id"] == call


def test_history_tells_who_is_who(world: World) -> None:
    client = world.linked(BUDI)
    world.person(SITI)
    world.act(world.person(BUDI).send_history)
    assert client.told("history.received") and not client.told("history.unreadable")
    client.send(SITI, "halo")
    assert world.person(SITI).texts() == ["halo"]
