"""Messages that cannot be decrypted come again, and only to those who may read them."""

from base64 import b64decode

import pytest

from simulator.whatsapp.knobs import DAMAGES, damaged
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.talking import ANNA, BUDI, CITRA, GROUP, content, stanzas
from whatsapp import lid_map, padding, prekeys, retry_requests, sender_key_messages
from whatsapp import message_pb2 as wa
from whatsapp.nodes import Node
from whatsapp.retry_requests import MAX_REQUESTS


def spoil_first(server: Server, times: int, how: str = "mac") -> list[Node]:
    """Damage the next `times` messages on their way."""
    spoilt = []

    def spoil(to: object, node: Node) -> Node:
        if len(spoilt) < times:
            spoilt.append(node)
            return damaged(node, how)
        return node

    server.spoil = spoil
    return spoilt


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("talked", [False, True], ids=["first message", "running session"])
def test_a_damaged_message_comes_again_and_is_told_once(pair, talked, times):
    anna, budi = pair
    if talked:
        anna.send("a", content(BUDI, "satu"))
        budi.send("b", content(ANNA, "dua"))
    spoil_first(anna.server, times)
    anna.send("m1", content(BUDI, "rusak"))
    assert budi.texts()[-1:] == ["rusak"] and budi.texts().count("rusak") == 1
    receipts = [node for node in stanzas(budi, "receipt") if node.optional("type") == "retry"]
    assert [node.need("retry").attrs["count"] for node in receipts] == [str(n + 1) for n in range(times)]
    assert [node.find("keys") is not None for node in receipts][1:] == [True] * (times - 1)
    assert len(anna.replies) == 1 + talked
    anna.send("m2", content(BUDI, "lagi"))
    budi.send("b2", content(ANNA, "ya"))
    assert budi.texts()[-1] == "lagi" and anna.texts()[-1] == "ya"


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("talked", [False, True], ids=["first message", "running session"])
def test_bytes_that_are_no_ciphertext_any_more_come_again(pair, talked, how):
    anna, budi = pair
    if talked:
        anna.send("a", content(BUDI, "satu"))
        budi.send("b", content(ANNA, "dua"))
    spoil_first(anna.server, 1, how)
    anna.send("m1", content(BUDI, "rusak"))
    assert budi.texts()[talked:] == ["rusak"] and budi.told("message.undecryptable") == []


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("which", [("skmsg",), ("pkmsg", "msg"), ("pkmsg", "msg", "skmsg")], ids="+".join)
@pytest.mark.parametrize("known", [False, True], ids=["new key", "known key"])
def test_a_group_message_that_is_damaged_in_any_part_is_told_once(server, how, which, known):
    """Nothing is confirmed that was not told, also when the part that brings the sender key is in order."""
    anna, budi = linked(server, ANNA), linked(server, BUDI)
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI])
    if known:
        anna.send("g0", content(str(GROUP), "nol"))
    spoilt = []

    def spoil(to: object, node: Node) -> Node:
        if spoilt or not any(one.attrs.get("type") == "skmsg" for one in node.all("enc")):
            return node
        spoilt.append(node)
        whole = damaged(node, how).children
        parts = [
            new if old.attrs.get("type") in which else old
            for old, new in zip(node.children, whole, strict=True)
        ]
        return Node(node.tag, node.attrs, tuple(parts))

    server.spoil = spoil
    anna.send("g1", content(str(GROUP), "satu"))
    assert len(spoilt) == 1 and budi.texts()[known:] == ["satu"]
    assert budi.told("message.undecryptable") == []


@pytest.mark.parametrize("plaintext", [b"\xff\xff", b"\x0a\x02\xff\xfe"], ids=["no protobuf", "no UTF-8"])
def test_what_cannot_be_read_is_told_with_its_bytes(pair, plaintext):
    """It would come the same again, so it is not asked for."""
    anna, budi = pair
    anna.send("a", content(BUDI, "halo"))
    sent = encrypted_for(anna, budi, padding.pad(plaintext, anna.session._core.rng))
    server = anna.server
    server.spoil = lambda to, node: Node(node.tag, node.attrs, (sent,))
    anna.send("m1", content(BUDI, "lain"))
    (event,) = budi.told("message.undecryptable")
    told = b64decode(event["plaintext_base64"])
    assert padding.unpad(told) == plaintext and "cannot be parsed" in event["error"]
    assert [node for node in stanzas(budi, "receipt") if node.optional("type") == "retry"] == []
    assert stanzas(budi, "ack")[-1].attrs["error"] == "491"


BOT = Node("enc", {"v": "2", "type": "msmsg"}, b"secret")


def test_a_part_for_bots_does_not_hide_what_can_be_read(pair):
    anna, budi = pair
    anna.server.spoil = lambda to, node: Node(node.tag, node.attrs, (BOT, *node.children))
    anna.send("m1", content(BUDI, "halo"))
    assert budi.texts() == ["halo"]


def test_a_message_in_too_many_encryptions_is_refused(pair):
    anna, budi = pair
    anna.server.spoil = lambda to, node: Node(node.tag, node.attrs, (*node.children, *[BOT] * 8))
    anna.send("m1", content(BUDI, "halo"))
    assert budi.texts() == []
    assert "9 encryptions" in budi.told("stanza.refused")[0]["reason"]


def encrypted_for(sender: Client, reader: Client, plaintext: bytes) -> Node:
    """An `enc` with anything in it."""
    core = sender.session._core
    with core.state.transaction() as tx:
        address = lid_map.signal_address(tx, reader.connection.device.lid)
        made = core.cipher.encrypt(tx, address, plaintext)
    return Node("enc", {"v": "2", "type": made.type}, made.data)


def test_two_devices_that_do_not_understand_each_other_stop_and_tell(pair):
    anna, budi = pair
    spoil_first(anna.server, 1000)
    anna.send("m1", content(BUDI, "rusak"))
    (event,) = budi.told("message.undecryptable")
    assert event["id"] == anna.replies[-1].data["id"] and event["sender_pn"] == f"{ANNA}@s.whatsapp.net"
    retries = [node for node in stanzas(budi, "receipt") if node.optional("type") == "retry"]
    assert len(retries) == MAX_REQUESTS
    assert budi.texts() == []


def test_a_flood_of_unreadable_messages_does_not_fill_the_store(pair, monkeypatch):
    _, budi = pair
    monkeypatch.setattr(retry_requests, "MAX_STORED_KEYS", 60)
    monkeypatch.setattr(retry_requests, "KEPT_KEYS", 10)
    budi.server.groups[GROUP] = Group(GROUP, [ANNA, BUDI])
    enc = Node("enc", {"v": "2", "type": "skmsg"}, skmsg())
    for number in range(200):
        attrs = {"id": f"F{number}", "from": GROUP, "participant": f"9000{ANNA}:1@lid", "type": "text"}
        budi.connection.send(Node("message", attrs, (enc,)))
    budi.server.run()
    assert len([node for node in stanzas(budi, "receipt") if node.find("keys")]) == 200
    assert budi.stored.count(prekeys.PRE_KEYS) <= 61
    uploaded = [key.id for key in budi.connection.device.upload.pre_keys]
    assert all(prekeys.one_time(budi.stored, key_id) for key_id in uploaded), "those at the server stay"


def skmsg() -> bytes:
    """A sender key message with a key that nobody knows."""
    return sender_key_messages.unsigned_message(1, 0, bytes(16)) + bytes(64)


@pytest.mark.parametrize("times", [1, 2])
def test_a_damaged_group_message_comes_again(server, times):
    anna, budi, citra = (linked(server, phone) for phone in (ANNA, BUDI, CITRA))
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI, CITRA])
    anna.send("m0", content(str(GROUP), "nol"))
    spoilt = spoil_first(server, times)
    anna.send("m1", content(str(GROUP), "satu"))
    anna.send("m2", content(str(GROUP), "dua"))
    assert len(spoilt) == times
    for client in (budi, citra):
        assert sorted(client.texts()) == ["dua", "nol", "satu"]


@pytest.mark.parametrize("readable", [True, False], ids=["both readable", "only one readable"])
def test_one_message_in_two_encryptions_is_told_once(server, readable):
    """So comes what another client sends again in a group."""
    anna, budi = linked(server, ANNA), linked(server, BUDI)
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI])
    anna.send("a", content(BUDI, "halo"))

    def twice(to: object, node: Node) -> Node:
        message = wa.Message(conversation="satu").SerializeToString()
        extra = encrypted_for(anna, budi, padding.pad(message, anna.session._core.rng))
        group = [one for one in node.children if one.attrs.get("type") == "skmsg"]
        children = (*group, *(one for one in node.children if one not in group)) if readable else group
        return Node(node.tag, node.attrs, (*children, extra))

    server.spoil = twice
    anna.send("g", content(str(GROUP), "satu"))
    assert budi.texts() == ["halo", "satu"]
    assert [node for node in stanzas(budi, "receipt") if node.optional("type") == "retry"] == []


def test_a_lost_session_on_the_other_side_is_renewed(pair):
    anna, budi = pair
    anna.send("a", content(BUDI, "satu"))
    budi.send("b", content(ANNA, "dua"))
    budi.close()
    for space in ("session", "identity"):
        budi.stored.spaces[space].clear()
    budi.start_process()
    budi.open()
    anna.send("m", content(BUDI, "tiga"))
    assert budi.texts() == ["satu", "tiga"]
    assert anna.replies[-1].error is None


def test_a_message_that_we_do_not_keep_any_more_is_not_resent(pair):
    anna, _ = pair
    retry = (Node.make("retry", count=1, id="GONE"), Node("registration", {}, bytes(4)))
    attrs = {"id": "GONE", "from": f"9000{BUDI}:1@lid", "type": "retry"}
    anna.connection.send(Node("receipt", attrs, retry))
    anna.server.run()
    assert stanzas(anna) == [] and stanzas(anna, "ack")[-1].attrs["id"] == "GONE"


def test_a_stranger_does_not_get_our_messages(server):
    anna, _budi, citra = (linked(server, phone) for phone in (ANNA, BUDI, CITRA))
    anna.send("m", content(BUDI, "rahasia"))
    message_id = anna.replies[-1].data["id"]
    retry = (Node.make("retry", count=1, id=message_id), Node("registration", {}, bytes(4)))
    attrs = {"id": message_id, "from": f"9000{CITRA}:1@lid", "type": "retry"}
    before = len(stanzas(anna))
    anna.connection.send(Node("receipt", attrs, retry))
    server.run()
    assert len(stanzas(anna)) == before and citra.texts() == []
