"""Messages in forms that are rare: without padding, without encryption, from people without a LID."""

import pytest

from tests.whatsapp.phone import Phone
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Server
from tests.whatsapp.talking import ANNA, BUDI, BUDI_LID, BUDI_PN, content, stanzas
from whatsapp import lid_map
from whatsapp import message_pb2 as wa
from whatsapp.jid import Jid
from whatsapp.nodes import Node

CHANNEL = Jid("120363000000000002", "newsletter")


@pytest.fixture
def anna(server: Server) -> Client:
    return linked(server, ANNA)


@pytest.mark.parametrize("text", ["satu", "ends like one byte of padding\x01", "ends like two\x02\x02"])
@pytest.mark.parametrize("padded", [True, False], ids=["version 2, padded", "version 3, not padded"])
def test_only_what_is_padded_loses_its_padding(server, anna, text, padded):
    Phone(server, BUDI).write(anna, wa.Message(conversation=text), padded=padded)
    assert anna.texts() == [text]
    assert [node.optional("type") for node in stanzas(anna, "receipt")] == ["inactive"]


def plain(sender: Jid, data: bytes) -> Node:
    return Node(
        "message", {"id": "N1", "from": sender, "type": "text", "t": "1"}, (Node("plaintext", {}, data),)
    )


NEWS = wa.Message(conversation="kabar").SerializeToString()


def test_a_channels_message_comes_in_the_clear_and_is_told_once(anna):
    for _ in range(2):
        anna.connection.send(plain(CHANNEL, NEWS))
    anna.server.run()
    (event,) = anna.told("message.received")
    assert (event["chat"], event["sender"], event["content"]) == (
        str(CHANNEL),
        str(CHANNEL),
        {"text": "kabar"},
    )
    (ack,) = stanzas(anna, "ack")
    assert (ack.jid_attr("to"), ack.optional("error")) == (CHANNEL, None)
    assert len(stanzas(anna, "receipt")) == 1, "the second one is confirmed"


REFUSED = {
    "a person may not write in the clear": (plain(BUDI_LID, NEWS), "488"),
    "what is no message": (plain(CHANNEL, b"\xff"), "487"),
}


@pytest.mark.parametrize(("stanza", "error"), REFUSED.values(), ids=REFUSED)
def test_what_is_in_the_clear_is_not_believed_otherwise(anna, stanza, error):
    anna.connection.send(stanza)
    anna.server.run()
    assert anna.told("message.received") == []
    assert [ack.optional("error") for ack in stanzas(anna, "ack")] == [error]


def test_without_lids_messages_go_and_come_by_number(server):
    server.use_lid = False
    anna, other, budi = linked(server, ANNA), linked(server, ANNA, 2), linked(server, BUDI)
    anna.send("a", content(BUDI, "satu"))
    budi.send("b", content(ANNA, "dua"))
    (stanza,) = stanzas(anna)
    named = {entry.jid_attr("jid") for entry in stanza.need("participants").children}
    assert stanza.jid_attr("to") == BUDI_PN and "peer_recipient_pn" not in stanza.attrs
    assert named == {other.connection.device.jid, budi.connection.device.jid}
    assert (budi.texts(), anna.texts(), other.texts()) == (["satu"], ["dua"], ["satu", "dua"])
    (event,) = anna.told("message.received")
    numbers = [event[name] for name in ("chat", "sender", "chat_pn", "sender_pn")]
    assert numbers == [str(BUDI_PN)] * 4
    assert lid_map.lid_of(anna.stored, BUDI_PN) is None
    assert f"{BUDI}.1" in anna.stored.keys("session")
