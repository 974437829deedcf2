"""What a sent message looks like on the wire, and what answers of the server do to the next ones."""

import json

import pytest

from core.protocol import SendContent
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_connection import usync_device
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.talking import ANNA, BUDI, BUDI_LID, CITRA, GROUP, content, stanzas
from whatsapp import outbound, queries, usync
from whatsapp.errors import NodeError
from whatsapp.jid import Jid
from whatsapp.nodes import Node
from whatsapp.phash import participant_hash
from whatsapp.queries import Queries, QueryFailure
from whatsapp.state import MemoryState
from whatsapp.turn import Turn


@pytest.fixture
def pair(server: Server) -> tuple[Client, Client]:
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI])
    return linked(server, ANNA), linked(server, BUDI)


OTHERS, OWN = {"id": "X1", "from_me": False, "sender": BUDI}, {"id": "X1", "from_me": True}
# What the stanza says, and what its <enc> says beside version and kind.
COMMANDS = {
    "text": ({"text": "x"}, ("text", None), {}),
    "reaction": (
        {"type": "reaction", "message": OTHERS, "emoji": "x"},
        ("reaction", None),
        {"decrypt-fail": "hide"},
    ),
    "edit": ({"type": "edit", "message": OWN, "text": "x"}, ("text", "1"), {"decrypt-fail": "hide"}),
    "deletion of our own": ({"type": "delete", "message": OWN}, ("text", "7"), {"decrypt-fail": "hide"}),
    "deletion of another's": ({"type": "delete", "message": OTHERS}, ("text", "8"), {"decrypt-fail": "hide"}),
    "location": (
        {"type": "location", "latitude": 1, "longitude": 2},
        ("media", None),
        {"mediatype": "location"},
    ),
    "contact": ({"type": "contact", "name": "x", "vcard": "x"}, ("media", None), {"mediatype": "vcard"}),
}


@pytest.mark.parametrize("to", [BUDI, str(GROUP)], ids=["to a person", "to a group"])
@pytest.mark.parametrize(("asked", "stanza", "enc"), COMMANDS.values(), ids=COMMANDS)
def test_the_stanza_says_what_kind_of_message_it_carries(pair, to, asked, stanza, enc):
    anna, _ = pair
    anna.send("m", json.dumps({"to": to, **asked}).encode())
    (node,) = stanzas(anna)
    assert (node.attrs["type"], node.optional("edit")) == stanza
    encs = [
        *node.all("enc"),
        *(one for entry in node.need("participants").children for one in entry.all("enc")),
    ]
    assert len(encs) == (2 if to == str(GROUP) else 1)
    for one in encs:
        told = {name: value for name, value in one.attrs.items() if name not in ("v", "type")}
        assert (one.attrs["v"], told) == ("2", enc)


def test_in_a_group_a_deletion_names_whose_message_goes(pair):
    anna, budi = pair
    for ref, message in (("a", OTHERS), ("b", OWN)):
        anna.send(ref, json.dumps({"to": str(GROUP), "type": "delete", "message": message}).encode())
    others, own = (event["message"] for event in budi.told("message.deleted"))
    assert (others["from_me"], others["sender"]) == (False, f"{BUDI}@s.whatsapp.net")
    assert (own["from_me"], own["sender"]) == (True, None)


HASHES = {
    "the server's list is ours": (participant_hash(Jid(f"9000{one}", "lid", 1) for one in (ANNA, BUDI)), 1),
    "the server's list is another": ("2:otherone", 2),
    "the server says nothing of it": (None, 1),
}


@pytest.mark.parametrize("to", [BUDI, str(GROUP)], ids=["to a person", "to a group"])
@pytest.mark.parametrize(("told", "asked"), HASHES.values(), ids=HASHES)
def test_device_lists_that_the_server_calls_old_are_asked_for_again(server, pair, to, told, asked):
    anna, budi = pair
    server.ack_hash = told
    anna.send("a", content(to, "satu"))
    server.ack_hash = None
    anna.send("b", content(to, "dua"))
    anna.send("c", content(to, "tiga"))
    questions = [
        node.find("usync", "list") for node in stanzas(anna, "iq") if node.optional("xmlns") == "usync"
    ]
    assert [len(question.children) for question in questions] == [2] * asked, "of both, us and them"
    assert budi.texts() == ["satu", "dua", "tiga"]


def test_more_messages_than_can_wait_are_given_back(pair, monkeypatch):
    monkeypatch.setattr(outbound, "MAX_QUEUED", 3)
    anna, budi = pair
    for number in range(6):
        anna.act(anna.session.on_command(SendContent(f"m{number}", content(BUDI, str(number))), anna.now_s))
    busy = [(reply.ref, reply.error, reply.retry) for reply in anna.replies]
    assert busy == [(f"m{number}", "too many messages wait to be sent", True) for number in (4, 5)]
    anna.server.run()
    anna.send("m4", content(BUDI, "4"))
    assert budi.texts() == ["0", "1", "2", "3", "4"]


def test_more_questions_than_can_wait_fail_at_once_and_leave_no_trace(monkeypatch, make_rng):
    monkeypatch.setattr(queries, "MAX_PENDING", 2)
    asking, turn, answers = Queries(make_rng(1)), Turn(MemoryState(), 5.0), []
    for _ in range(3):
        asking.ask(turn, "w:p", "get", (), lambda turn, answer: answers.append(answer), 60.0)
    assert answers == [QueryFailure(queries.BUSY)] and answers[0].retry
    sent = [one for one in turn.wanted if isinstance(one, Node)]
    assert len(sent) == 2
    assert asking.answered(turn, Node("iq", {"type": "result", "id": sent[0].attrs["id"]}))
    asking.ask(turn, "w:p", "get", (), lambda turn, answer: answers.append(answer), 60.0)
    assert len([one for one in turn.wanted if isinstance(one, Node)]) == 3


def test_a_bundle_that_nobody_asked_for_is_refused_and_the_others_are_used(server, pair):
    anna, budi = pair
    citra = linked(server, CITRA)
    link = anna.connection

    def with_another(node: Node) -> Node:
        answer = link._keys(node)
        if node.find("key") is None:
            return answer
        other = Node("user", {"jid": citra.connection.device.lid}, citra.connection.device.next_bundle())
        return Node("iq", {}, (Node("list", {}, (other, *answer.need("list").children)),))

    link.answers["encrypt"] = with_another
    anna.send("m", content(BUDI, "satu"))
    assert anna.told("bundle.refused") == [{"reason": "bundle of a device that was not asked for"}]
    assert (budi.texts(), list(anna.stored.keys("session"))) == (["satu"], [f"9000{BUDI}_1.1"])


def answer_with_device(number: int) -> Node:
    devices = Node("devices", {}, (Node("device-list", {}, (usync_device(0), usync_device(number))),))
    listed = Node("list", {}, (Node("user", {"jid": BUDI_LID}, (devices,)),))
    return Node("iq", {}, (Node("usync", {}, (listed,)),))


def test_device_numbers_end_at_255():
    (info,) = usync.parse_answer(answer_with_device(255))
    assert [device.device for device in info.devices] == [0, 255]
    with pytest.raises(NodeError, match="device 256 in a device list, at most 255"):
        usync.parse_answer(answer_with_device(256))


def test_a_device_list_that_cannot_be_is_told_and_the_message_may_be_tried_again(pair):
    anna, budi = pair
    anna.connection.answers["usync"] = lambda node: answer_with_device(256)
    anna.send("m", content(BUDI, "satu"))
    (reply,) = anna.replies
    assert "device 256" in reply.error and reply.retry
    anna.connection.answers.clear()
    anna.send("m", content(BUDI, "satu"))
    assert (anna.replies[-1].error, budi.texts()) == (None, ["satu"])
