"""Two and more sessions on one server: what one sends is what the others' applications see, once."""

import json
from dataclasses import replace

import pytest

from core.effects import Send
from core.protocol import SendContent
from tests.whatsapp.scripted import Client, Group, Server, linked
from whatsapp.errors import LocalProtocolError
from whatsapp.jid import Jid
from whatsapp.nodes import Node
from whatsapp.restoring import make_safe
from whatsapp.session_settings import SessionSettings

ANNA, BUDI, CITRA = "6281100001", "6281100002", "6281100003"
GROUP = Jid("120363000000000001", "g.us")


def content(to: str, text: str = "halo", **more: object) -> bytes:
    return json.dumps({"to": to, "text": text, **more}).encode()


@pytest.fixture
def pair(server: Server) -> tuple[Client, Client]:
    return linked(server, ANNA), linked(server, BUDI)


def stanzas(client: Client, tag: str = "message") -> list[Node]:
    own = client.connection.device.jid
    return [node for jid, node in client.server.heard if jid == own and node.tag == tag]


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


CASES = {
    "reply": (
        {"text": "ya", "reply_to": {"id": "X1", "sender": BUDI, "text": "jadi?"}, "mentions": [CITRA]},
        "message.received",
        {
            "type": "text",
            "content": {"text": "ya"},
            "reply_to": {
                "id": "X1",
                "sender": f"{BUDI}@s.whatsapp.net",
                "quoted": {"type": "text", "text": "jadi?"},
            },
            "mentions": [f"{CITRA}@s.whatsapp.net"],
        },
    ),
    "reaction": (
        {"type": "reaction", "message": {"id": "X1"}, "emoji": "👍"},
        "message.reaction",
        {
            "message": {
                "id": "X1",
                "chat": f"{BUDI}@s.whatsapp.net",
                "from_me": False,
                "sender": None,
            },
            "emoji": "👍",
            "removed": False,
        },
    ),
    "edit": (
        {"type": "edit", "message": {"id": "X1"}, "text": "baru"},
        "message.edited",
        {
            "message": {"id": "X1", "chat": f"{BUDI}@s.whatsapp.net", "from_me": True, "sender": None},
            "type": "text",
            "content": {"text": "baru"},
        },
    ),
    "delete": (
        {"type": "delete", "message": {"id": "X1"}},
        "message.deleted",
        {"message": {"id": "X1", "chat": f"{BUDI}@s.whatsapp.net", "from_me": True, "sender": None}},
    ),
    "location": (
        {"type": "location", "latitude": -6.2, "longitude": 106.8, "name": "Kantor"},
        "message.received",
        {
            "type": "location",
            "content": {
                "latitude": -6.2,
                "longitude": 106.8,
                "name": "Kantor",
                "address": None,
                "url": None,
            },
        },
    ),
    "contact": (
        {"type": "contact", "name": "Toko; A", "phone": f"+{CITRA}"},
        "message.received",
        {
            "type": "contact",
            "content": {
                "name": "Toko; A",
                "vcard": "BEGIN:VCARD\nVERSION:3.0\nN:;Toko\\; A;;;\nFN:Toko\\; A\n"
                f"TEL;type=CELL;waid={CITRA}:+{CITRA}\nEND:VCARD",
            },
        },
    ),
}


@pytest.mark.parametrize(("asked", "kind", "expected"), CASES.values(), ids=CASES)
def test_every_command_arrives_as_its_event(pair, asked, kind, expected):
    anna, budi = pair
    anna.send("m1", json.dumps({"to": BUDI, **asked}).encode())
    assert anna.replies[-1].error is None
    (event,) = budi.told(kind)
    assert {name: event[name] for name in expected} == expected


WRONG = {
    "no JSON": (b"\xff", "JSON"),
    "no object": (b"[]", "object"),
    "no recipient": (b'{"text":"x"}', "to must be"),
    "an empty recipient": (b'{"to":"","text":"x"}', "to must be"),
    "a newsletter": (b'{"to":"1@newsletter","text":"x"}', "to must be|address"),
    "no text": (b'{"to":"6281100002"}', "text must be"),
    "an unknown type": (b'{"to":"6281100002","type":"dance"}', "type must be one of text, reaction"),
    "a surrogate": (b'{"to":"6281100002","text":"\\ud800"}', "Unicode"),
    "a wrong latitude": (
        b'{"to":"6281100002","type":"location","latitude":91,"longitude":0}',
        "-90 to 90",
    ),
    "no number": (
        b'{"to":"6281100002","type":"location","latitude":NaN,"longitude":0}',
        "-90 to 90",
    ),
    "a reaction without a message": (b'{"to":"6281100002","type":"reaction","emoji":"x"}', "message must be"),
    "a group reaction without an author": (
        b'{"to":"1@g.us","type":"reaction","emoji":"x","message":{"id":"1"}}',
        "message.sender",
    ),
    "a group reply without an author": (
        b'{"to":"1@g.us","text":"x","reply_to":{"id":"1"}}',
        "reply_to.sender must be the author",
    ),
    "deep nesting": (b'{"a":' * 100_000, "JSON"),
}


@pytest.mark.parametrize(("data", "text"), WRONG.values(), ids=WRONG)
def test_content_that_cannot_be_sent_is_refused_with_what_is_allowed(pair, data, text):
    anna, _ = pair
    anna.send("m1", data)
    reply = anna.replies[-1]
    assert reply.ref == "m1" and not reply.retry
    with pytest.raises(LocalProtocolError, match=text):
        raise LocalProtocolError(reply.error)


def test_a_number_that_is_not_on_whatsapp_is_told(pair):
    anna, _ = pair
    anna.send("m1", content("628990000"))
    assert anna.replies[-1].error == "628990000@s.whatsapp.net is not on WhatsApp"
    assert not anna.replies[-1].retry
    users = anna.invoke("on_whatsapp", phones=[BUDI, "+62 899-0000"]).data["users"]
    assert [user["registered"] for user in users] == [True, False]
    assert users[0]["lid"] == f"9000{BUDI}@lid"


def test_a_refused_message_is_not_tried_again_and_an_invalid_one_once(pair):
    anna, budi = pair
    anna.server.ack_errors["next"] = 463
    anna.send("m1", content(BUDI))
    assert "463" in anna.replies[-1].error and not anna.replies[-1].retry
    anna.server.ack_errors["next"] = 479
    anna.send("m2", content(BUDI, "kedua"))
    assert (anna.replies[-1].error, budi.texts()) == (None, ["kedua"])


def test_a_message_without_an_answer_is_to_be_tried_again(pair):
    anna, budi = pair
    anna.send("m0", content(BUDI))
    anna.server.silent.add("3EB0" + "0" * 18)
    before = len(anna.replies)
    original = anna.server.message
    anna.server.message = lambda sender, node: None
    anna.send("m1", content(BUDI))
    assert len(anna.replies) == before
    anna.pass_time(80)
    assert (anna.replies[-1].ref, anna.replies[-1].retry) == ("m1", True)
    anna.server.message = original
    anna.send("m1", content(BUDI, "halo lagi"))
    assert anna.replies[-1].error is None
    # The first try's content is what was promised under this id.
    assert budi.texts() == ["halo", "halo"]


def test_the_same_command_twice_is_one_message(pair):
    anna, budi = pair
    anna.send("m1", content(BUDI))
    anna.send("m1", content(BUDI))
    assert anna.replies[0].data["id"] == anna.replies[1].data["id"]
    assert budi.texts() == ["halo"]


def test_typing_and_presence(pair):
    anna, _ = pair
    assert anna.invoke("typing", to=BUDI, state="recording").error is None
    (typing,) = stanzas(anna, "chatstate")
    assert typing.children[0].attrs == {"media": "audio"}
    assert anna.invoke("presence", available=True).error is None
    assert stanzas(anna, "presence")[-1].attrs["type"] == "available"
    assert "state must be" in anna.invoke("typing", to=BUDI, state="dancing").error
    assert "known are" in anna.invoke("dance").error


# ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=[True, False], ids=["LID group", "PN group"])
def trio(server: Server, request: pytest.FixtureRequest) -> list[Client]:
    clients = [linked(server, phone) for phone in (ANNA, BUDI, CITRA)]
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI, CITRA], request.param)
    return clients


def test_group_messages_reach_everybody_with_one_key_each(trio):
    anna, budi, citra = trio
    for number in range(3):
        anna.send(f"a{number}", content(str(GROUP), f"anna {number}"))
    budi.send("b", content(str(GROUP), "budi"))
    assert citra.texts() == ["anna 0", "anna 1", "anna 2", "budi"]
    assert budi.texts() == ["anna 0", "anna 1", "anna 2"] and anna.texts() == ["budi"]
    given = [
        len(node.find("participants").children) if node.find("participants") else 0 for node in stanzas(anna)
    ]
    assert given == [2, 0, 0]
    event = citra.told("message.received")[0]
    assert (event["chat"], event["sender_pn"]) == (str(GROUP), f"{ANNA}@s.whatsapp.net")
    assert [reply.error for reply in anna.replies] == [None] * 3
    assert {receipt["chat"] for receipt in anna.told("message.receipt")} == {str(GROUP)}


def test_who_left_cannot_read_on_and_who_joins_can(trio):
    anna, budi, citra = trio
    server = anna.server
    anna.send("a1", content(str(GROUP), "satu"))
    server.groups[GROUP].members.remove(CITRA)
    left = Node("remove", {}, (Node("participant", {"jid": citra.session._core.account.lid.without_device}),))
    anna.connection.send(Node("notification", {"type": "w:gp2", "id": "n1", "from": GROUP}, (left,)))
    server.run()
    anna.send("a2", content(str(GROUP), "dua"))
    assert (citra.texts(), budi.texts()) == (["satu"], ["satu", "dua"])
    assert stanzas(anna)[-1].find("participants") is not None
    (change,) = anna.told("group.changed")
    assert change["changes"][0]["change"] == "remove"
    server.groups[GROUP].members.append(CITRA)
    joined = Node("add", {}, (Node("participant", {"jid": citra.session._core.account.lid.without_device}),))
    anna.connection.send(Node("notification", {"type": "w:gp2", "id": "n2", "from": GROUP}, (joined,)))
    server.run()
    anna.send("a3", content(str(GROUP), "tiga"))
    assert citra.texts() == ["satu", "tiga"]


def test_a_device_that_was_unlinked_cannot_read_on(trio):
    anna, budi, _ = trio
    server = anna.server
    budi2 = linked(server, BUDI, 2)
    anna.send("a1", content(str(GROUP), "satu"))
    del server.devices[budi2.connection.device.jid]
    before = keys_given(anna)
    anna.connection.send(Node("notification", {"type": "devices", "id": "n1", "from": f"9000{BUDI}@lid"}))
    server.run()
    anna.send("a2", content(str(GROUP), "dua"))
    assert (before, keys_given(anna)) == ([3], [3, 2])
    assert budi.texts() == ["satu", "dua"]


def keys_given(client: Client) -> list[int]:
    """How many devices got our sender key, by message."""
    listed = [node.find("participants") for node in stanzas(client)]
    return [0 if one is None else len(one.children) for one in listed]


def test_stanzas_name_devices_the_way_the_chat_does(trio):
    anna, *_ = trio
    anna.send("a1", content(str(GROUP), "satu"))
    stanza = stanzas(anna)[-1]
    by_lid = anna.server.groups[GROUP].lid_addressing
    assert {to.jid_attr("jid").is_lid for to in stanza.need("participants").children} == {by_lid}
    assert stanza.attrs["addressing_mode"] == ("lid" if by_lid else "pn")


def test_a_restored_copy_never_sends_with_old_keys(trio):
    anna, budi, _ = trio
    anna.send("a1", content(str(GROUP), "satu"))
    budi.send("b1", content(ANNA, "dua"))
    anna.close()
    with anna.stored.transaction() as tx:
        make_safe(tx)
    anna.start_process()
    anna.open()
    anna.send("a2", content(str(GROUP), "tiga"))
    anna.send("a3", content(BUDI, "empat"))
    assert keys_given(anna)[:2] == [2, 2], "the group gets a new key"
    enc = [enc for to in stanzas(anna)[-1].need("participants").children for enc in to.children]
    assert [one.attrs["type"] for one in enc] == ["pkmsg"]
    assert budi.texts() == ["satu", "tiga", "empat"]


def test_a_group_that_we_are_not_in_is_told(trio):
    anna, *_ = trio
    anna.send("a1", content("555@g.us"))
    assert "404" in anna.replies[-1].error and not anna.replies[-1].retry
    group = anna.invoke("group", group=str(GROUP)).data
    assert (group["subject"], len(group["participants"])) == ("Test group", 3)


def test_sends_are_composed_one_after_the_other(pair):
    anna, budi = pair
    for number in range(4):
        effects = anna.session.on_command(SendContent(f"m{number}", content(BUDI, str(number))), anna.now_s)
        assert sum(isinstance(effect, Send) for effect in effects) == (number == 0)
        anna.act(effects)
    anna.server.run()
    assert budi.texts() == ["0", "1", "2", "3"]
    assert len([node for node in stanzas(anna, "iq") if node.optional("xmlns") == "usync"]) == 1


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
