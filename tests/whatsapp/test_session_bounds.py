"""One hostile stanza makes no event of megabytes, and what is long and honest is told."""

import json

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Server
from tests.whatsapp.talking import ANNA, GROUP, stanzas
from tests.whatsapp.test_session_fuzz import MAX_EVENT_BYTES
from whatsapp.bounds import MAX_NAME_CHARS
from whatsapp.jid import SERVER, Jid
from whatsapp.keys import KeyPair
from whatsapp.message_source import MAX_ID_CHARS
from whatsapp.nodes import Node

LONG, ID = "\N{GRINNING FACE}" * 100_000, "\N{GRINNING FACE}" * MAX_ID_CHARS
BUDI_LID = Jid("900062811", "lid")


@pytest.fixture
def anna() -> Client:
    return linked(Server(), ANNA)


def changes(tag: str, *members: Node) -> Node:
    return Node(
        "notification",
        {"type": "w:gp2", "id": "n", "from": GROUP},
        tuple(Node(tag, {"subject": LONG}, members) for _ in range(30)),
    )


def member(number: int, server: str = "lid", name: str = "") -> Node:
    return Node("participant", {"jid": f"{name}{900_062_811_000_000 + number}@{server}"})


HOSTILE = {
    "subjects": changes("subject"),
    "names of changes": changes("x" * 100_000),
    "participants": changes("add", *(member(one, name="\N{GRINNING FACE}" * 80) for one in range(200))),
    "last seen": Node("presence", {"from": BUDI_LID, "last": LONG}),
    "call": Node("call", {"id": "c", "from": BUDI_LID}, (Node("offer", {"call-id": LONG}),)),
    "receipt": Node(
        "receipt",
        {"id": ID, "from": BUDI_LID, "type": "read"},
        (Node("list", {}, tuple(Node("item", {"id": f"{number}{ID[4:]}"}) for number in range(1000))),),
    ),
    "receipt for an id without end": Node(
        "receipt", {"id": "r", "from": BUDI_LID}, (Node("list", {}, (Node("item", {"id": LONG}),)),)
    ),
    "grouped receipt": Node(
        "receipt",
        {"id": "r", "from": GROUP},
        (Node("participants", {"key": LONG}, (Node("user", {"jid": BUDI_LID}),)),),
    ),
    "notification": Node(
        "notification",
        {"id": "n", "type": "mex", "from": SERVER},
        tuple(Node("y" * 100_000) for _ in range(30)),
    ),
    "mex updates": Node(
        "notification",
        {"id": "n", "type": "mex", "from": SERVER},
        (
            *(Node("update", {"op_name": LONG}, b"\0" * 1600) for _ in range(8)),
            *(Node(ID) for _ in range(20)),
        ),
    ),
    "a stanza's id": Node("receipt", {"id": LONG, "from": BUDI_LID}),
}


@pytest.mark.parametrize("stanza", HOSTILE.values(), ids=HOSTILE)
def test_no_stanza_makes_a_large_event(anna, stanza):
    before = len(anna.events)
    anna.connection.send(stanza)
    anna.server.run()
    told = [len(json.dumps(event.data)) for event in anna.events[before:]]
    assert told and max(told) <= MAX_EVENT_BYTES


def test_what_the_phone_says_of_itself_is_kept_short():
    server = Server()
    client = Client(server, 1)
    client.open()
    connection, send = client.connection, client.connection.send

    def boasting(node: Node) -> None:
        success = node.find("pair-success")
        if success is not None:
            names = tuple(Node(tag, {"name": LONG}) for tag in ("platform", "biz"))
            kept = tuple(one for one in success.children if one.tag != "platform")
            node = Node(node.tag, node.attrs, (Node("pair-success", {}, (*kept, *names)),))
        send(node)

    connection.send = boasting
    server.scan(ANNA, client.told("qr")[0]["text"], KeyPair.generate(server.rng))
    server.run()
    (event,) = client.told("session.linked")
    assert len(json.dumps(event)) <= MAX_EVENT_BYTES and event["business_name"] == LONG[:MAX_NAME_CHARS]


def test_a_ref_without_end_is_no_code():
    client = Client(Server(), 1)
    client.open()
    offer = Node("pair-device", {}, (Node("ref", {}, b"x" * 100_000),))
    client.connection.send(Node("iq", {"type": "set", "id": "p", "from": SERVER}, (offer,)))
    client.server.run()
    assert max(len(event["text"]) for event in client.told("qr")) < 1000
    assert "ref of more than" in client.told("stanza.refused")[0]["reason"]


def test_a_receipt_for_many_messages_is_told_in_parts(anna):
    ids = [f"3EB0{number:018d}" for number in range(100)]
    items = Node("list", {}, tuple(Node("item", {"id": one}) for one in ids[1:]))
    anna.connection.send(Node("receipt", {"id": ids[0], "from": BUDI_LID, "type": "read"}, (items,)))
    anna.server.run()
    told = [event["ids"] for event in anna.told("message.receipt")]
    assert [one for part in told for one in part] == ids and len(told) == 3
    assert len(stanzas(anna, "ack")) == 1


@pytest.mark.parametrize(("count", "left_out"), [(3, 0), (700, 0), (2000, 932)])
def test_a_group_change_counts_the_participants_that_it_does_not_name(anna, count, left_out):
    change = Node("add", {}, tuple(member(number) for number in range(count)))
    anna.connection.send(Node("notification", {"type": "w:gp2", "id": "n", "from": GROUP}, (change,)))
    anna.server.run()
    (told,) = anna.told("group.changed")[0]["changes"]
    assert (len(told["participants"]), told["left_out"]) == (count - left_out, left_out)
