"""Two and more sessions on one server: what one sends is what the others' applications see, once."""

from dataclasses import replace

import pytest

from tests.whatsapp.scripted_client import linked
from tests.whatsapp.talking import ANNA, BUDI, content, stanzas
from whatsapp.jid import Jid
from whatsapp.nodes import Node
from whatsapp.session_settings import SessionSettings


@pytest.mark.parametrize("by_lid", [True, False], ids=["LID", "phone number"])
def test_texts_go_both_ways_and_are_confirmed(server, by_lid):
    server.use_lid = by_lid
    anna, budi = linked(server, ANNA), linked(server, BUDI)
    anna.send("m1", content(BUDI, "satu"))
    anna.send("m2", content(BUDI, "dua"))
    budi.send("m1", content(ANNA, "tiga"))
    anna.send("m3", content(BUDI, "empat"))
    assert (anna.texts(), budi.texts()) == (["tiga"], ["satu", "dua", "empat"])
    assert [(reply.ref, reply.error) for reply in anna.replies] == [("m1", None), ("m2", None), ("m3", None)]
    delivered = [receipt["ids"] for receipt in anna.told("message.receipt")]
    assert delivered == [[reply.data["id"]] for reply in anna.replies]
    kinds = [
        enc.attrs["type"]
        for node in stanzas(anna)
        for to in node.need("participants").children
        for enc in to.children
    ]
    assert kinds == ["pkmsg", "pkmsg", "msg"]
    assert [node.jid_attr("to").is_lid for node in stanzas(anna)] == [by_lid] * 3
    assert [node.find("device-identity") is not None for node in stanzas(anna)] == [True, True, False]


def test_the_event_says_who_where_and_when(pair):
    anna, budi = pair
    anna.send("m1", content(BUDI))
    (event,) = budi.told("message.received")
    assert event == {
        "id": anna.replies[-1].data["id"],
        "chat": f"9000{ANNA}@lid",
        "chat_pn": f"{ANNA}@s.whatsapp.net",
        "sender": f"9000{ANNA}@lid",
        "sender_pn": f"{ANNA}@s.whatsapp.net",
        "sender_device": 1,
        "from_me": False,
        "timestamp": 1_800_000_000,
        "push_name": f"name of {ANNA}",
        "offline": False,
        "type": "text",
        "content": {"text": "halo"},
    }


def test_our_other_devices_get_a_copy_and_the_recipients_all_of_theirs(server):
    anna, other = linked(server, ANNA, 1), linked(server, ANNA, 2)
    budi, budi2 = linked(server, BUDI, 1), linked(server, BUDI, 2)
    anna.send("m1", content(BUDI))
    assert budi.texts() == budi2.texts() == other.texts() == ["halo"]
    (event,) = other.told("message.received")
    assert (event["from_me"], event["chat"]) == (True, f"{'9000' + BUDI}@lid")
    assert anna.texts() == []
    receipt = next(node for node in stanzas(other, "receipt"))
    assert receipt.attrs["type"] == "sender"


def test_a_copy_for_our_other_device_says_itself_where_it_went(server):
    anna, other = linked(server, ANNA, 1), linked(server, ANNA, 2)
    linked(server, BUDI)

    def without_recipient(to: Jid, node: Node) -> Node:
        return Node(
            node.tag, {name: value for name, value in node.attrs.items() if name != "recipient"}, node.content
        )

    server.spoil = without_recipient
    anna.send("m1", content(BUDI))
    (event,) = other.told("message.received")
    assert (event["from_me"], event["chat"]) == (True, f"9000{BUDI}@lid")


def test_a_message_to_oneself_reaches_the_own_devices(server):
    anna, other = linked(server, ANNA, 1), linked(server, ANNA, 2)
    anna.send("m1", content(ANNA, "catatan"))
    assert (anna.replies[-1].error, other.texts()) == (None, ["catatan"])


def test_messages_wait_for_a_device_that_is_away(pair):
    anna, budi = pair
    budi.close()
    for number in range(5):
        anna.send(f"m{number}", content(BUDI, str(number)))
    assert budi.texts() == []
    budi.open()
    assert budi.texts() == ["0", "1", "2", "3", "4"]
    assert [event["offline"] for event in budi.told("message.received")] == [True] * 5


@pytest.mark.parametrize(
    ("available", "kind"), [(False, "inactive"), (True, None)], ids=["unavailable", "available"]
)
def test_delivery_receipts_tell_whether_somebody_is_there(server, available, kind):
    anna = linked(server, ANNA)
    budi = linked(server, BUDI, settings=replace(SessionSettings(), available=available))
    anna.send("m1", content(BUDI))
    assert [node.optional("type") for node in stanzas(budi, "receipt")] == [kind]
    presence = stanzas(budi, "presence")[0]
    assert presence.attrs["type"] == ("available" if available else "unavailable")


def test_read_receipts_reach_the_author(pair):
    anna, budi = pair
    anna.send("m1", content(BUDI))
    message_id = budi.told("message.received")[0]["id"]
    assert budi.invoke("read", chat=f"9000{ANNA}@lid", ids=[message_id, "OTHER"]).error is None
    assert anna.told("message.receipt")[-1]["status"] == "read"
    assert anna.told("message.receipt")[-1]["ids"] == [message_id, "OTHER"]


@pytest.mark.parametrize(
    ("more", "kind"),
    [({}, "read"), ({"private": False}, "read"), ({"private": True}, "read-self")],
    ids=["not said", "for everybody", "private"],
)
def test_a_read_receipt_may_be_private(pair, more, kind):
    _, budi = pair
    assert budi.invoke("read", chat=ANNA, ids=["M1"], **more).error is None
    assert stanzas(budi, "receipt")[-1].attrs["type"] == kind


def test_a_read_receipt_is_private_or_not(pair):
    assert (
        pair[1].invoke("read", chat=ANNA, ids=["M1"], private="yes").error == "private must be true or false"
    )


def test_a_number_that_is_not_on_whatsapp_is_told(pair):
    anna, _ = pair
    anna.send("m1", content("628990000"))
    assert anna.replies[-1].error == "628990000@s.whatsapp.net is not on WhatsApp"
    assert not anna.replies[-1].retry
    users = anna.invoke("on_whatsapp", phones=[BUDI, "+62 899-0000"]).data["users"]
    assert [user["registered"] for user in users] == [True, False]
    assert users[0]["lid"] == f"9000{BUDI}@lid"


def test_typing_and_presence(pair):
    anna, _ = pair
    assert anna.invoke("typing", to=BUDI, state="recording").error is None
    (typing,) = stanzas(anna, "chatstate")
    assert typing.children[0].attrs == {"media": "audio"}
    assert anna.invoke("presence", available=True).error is None
    assert stanzas(anna, "presence")[-1].attrs["type"] == "available"
    assert "state must be" in anna.invoke("typing", to=BUDI, state="dancing").error
    assert "known are" in anna.invoke("dance").error


def test_a_device_list_that_changes_while_another_is_asked_for_loses_nobody(pair):
    """A stale list is better than none: the user would be called unknown, and the message be refused for good."""
    anna, budi = pair
    anna.send("m1", content(BUDI, "satu"))
    link = anna.connection
    link.send(notification("account_sync", link.device.jid.without_device))
    anna.server.run()

    def change_meanwhile(node: Node) -> Node:
        link.send(notification("devices", Jid(BUDI, "s.whatsapp.net")))
        return link._usync(node)

    link.answers["usync"] = change_meanwhile
    anna.send("m2", content(BUDI, "dua"))
    assert [(reply.ref, reply.error) for reply in anna.replies] == [("m1", None), ("m2", None)]
    assert budi.texts() == ["satu", "dua"]


def notification(kind: str, sender: Jid) -> Node:
    return Node("notification", {"type": kind, "from": sender, "id": f"n-{kind}", "t": "1"})
