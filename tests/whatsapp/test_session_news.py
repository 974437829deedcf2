"""What the server and our phone tell beside messages: notifications, calls, mappings, history, tokens, presence."""

import zlib

import pytest

from tests.whatsapp.phone import Phone
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import WALL_S, Server
from tests.whatsapp.talking import ANNA, BUDI, BUDI_LID, BUDI_PN, content, notify, stanzas
from whatsapp import contact_tokens, lid_map, privacy_tokens
from whatsapp import message_pb2 as wa
from whatsapp.jid import SERVER, Jid
from whatsapp.nodes import Node


@pytest.fixture
def anna(server: Server) -> Client:
    return linked(server, ANNA)


@pytest.mark.parametrize("kind", ["server_sync", "mex", "psa", "passkey_prologue_request", "something new"])
def test_every_notification_is_acknowledged(anna, kind):
    notify(anna, kind, Node("x"))
    ack = stanzas(anna, "ack")[-1]
    assert (ack.attrs["class"], ack.attrs["type"], ack.attrs["id"]) == ("notification", kind, "n1")
    assert anna.failure is None
    assert len(anna.told("pairing.failed")) == (kind == "passkey_prologue_request")


@pytest.mark.parametrize(
    ("tag", "code"), [("message", "487"), ("receipt", None), ("notification", None), ("call", None)]
)
def test_a_malformed_stanza_is_answered_and_told(anna, tag, code):
    kind = "devices" if tag == "notification" else "read"
    anna.connection.send(Node(tag, {"id": "bad", "from": "@@", "type": kind}, (Node("offer"),)))
    anna.server.run()
    ack = stanzas(anna, "ack")[-1]
    assert (ack.attrs["class"], ack.attrs["id"], ack.optional("error")) == (tag, "bad", code)
    assert anna.told("stanza.refused")[0]["tag"] == tag and anna.failure is None


def test_a_call_is_told(anna):
    offer = Node("offer", {"call-id": "C1", "call-creator": BUDI_LID}, (Node("video"),))
    anna.connection.send(Node("call", {"id": "c", "from": BUDI_LID}, (offer,)))
    anna.server.run()
    assert anna.told("call.offered") == [{"id": "C1", "sender": str(BUDI_LID), "video": True}]
    assert stanzas(anna, "ack")[-1].attrs["class"] == "call"


def test_typing_and_presence_of_others_are_told(anna):
    anna.connection.send(Node("chatstate", {"from": BUDI_LID}, (Node.make("composing", media="audio"),)))
    anna.connection.send(Node("presence", {"from": BUDI_LID, "type": "unavailable", "last": "123"}))
    anna.server.run()
    assert anna.told("chat.typing")[0]["state"] == "recording"
    assert anna.told("presence.changed")[0]["last_seen"] == "123"


def test_the_server_may_ping(anna):
    anna.connection.send(Node("iq", {"type": "get", "id": "p1", "from": SERVER, "xmlns": "urn:xmpp:ping"}))
    anna.server.run()
    assert any(node.attrs["id"] == "p1" and node.attrs["type"] == "result" for node in stanzas(anna, "iq"))


def test_dirty_state_is_cleaned(anna):
    anna.connection.send(Node("ib", {}, (Node.make("dirty", type="account_sync", timestamp=5),)))
    anna.server.run()
    clean = [node for node in stanzas(anna, "iq") if node.optional("xmlns") == "urn:xmpp:whatsapp:dirty"]
    assert clean[0].need("clean").attrs == {"type": "account_sync", "timestamp": "5"}


def test_a_new_mapping_moves_the_session(server):
    server.use_lid = False
    anna, budi = linked(server, ANNA), linked(server, BUDI)
    anna.send("a", content(BUDI, "satu"))
    budi.send("b", content(ANNA, "dua"))
    assert f"{BUDI}.1" in anna.stored.keys("session")
    notify(anna, "devices", Node("update"), **{"from": BUDI_PN, "lid": BUDI_LID})
    assert set(anna.stored.keys("session")) == {f"9000{BUDI}_1.1"}
    server.use_lid = True
    anna.send("c", content(BUDI, "tiga"))
    stanza = stanzas(anna)[-1]
    assert stanza.jid_attr("to") == BUDI_LID and stanza.jid_attr("peer_recipient_pn") == BUDI_PN
    assert [enc.attrs["type"] for to in stanza.need("participants").children for enc in to.children] == [
        "msg"
    ]
    assert budi.texts() == ["satu", "tiga"]


@pytest.mark.parametrize("age_s", [0, 40 * 86_400], ids=["young token", "old token"])
def test_a_contacts_token_goes_with_the_message_while_it_is_young(server, anna, age_s):
    linked(server, BUDI)
    token = Node("token", {"type": "trusted_contact", "t": str(int(WALL_S) - age_s)}, b"TOKEN")
    notify(anna, "privacy_token", Node("tokens", {}, (token,)), **{"from": BUDI_PN, "sender_lid": BUDI_LID})
    anna.send("a", content(BUDI))
    attached = stanzas(anna)[-1].find("tctoken")
    assert (attached is not None and attached.data == b"TOKEN") is (age_s == 0)
    issued = [node for node in stanzas(anna, "iq") if node.optional("xmlns") == "privacy"]
    assert len(issued) == 1
    anna.send("b", content(BUDI))
    assert len([node for node in stanzas(anna, "iq") if node.optional("xmlns") == "privacy"]) == 1


def history() -> wa.HistorySync:
    return wa.HistorySync(
        nct_salt=b"salt",
        phone_number_to_lid_mappings=[
            wa.HistorySync.PhoneNumberToLidMapping(pn_jid=str(BUDI_PN), lid_jid=str(BUDI_LID)),
            wa.HistorySync.PhoneNumberToLidMapping(pn_jid="nonsense", lid_jid="@@"),
        ],
        conversations=[
            wa.HistorySync.Conversation(id=str(BUDI_LID), tc_token=b"T", tc_token_timestamp=int(WALL_S))
        ],
    )


def history_notice(payload: bytes) -> wa.Message:
    notice = wa.HistorySyncNotification(
        sync_type=0, progress=50, chunk_order=1, initial_hist_bootstrap_inline_payload=payload
    )
    protocol = wa.ProtocolMessage(
        type=wa.ProtocolMessage.HISTORY_SYNC_NOTIFICATION, history_sync_notification=notice
    )
    return wa.Message(protocol_message=protocol)


def test_the_history_of_our_phone_is_used_and_confirmed(server, anna):
    phone = Phone(server, ANNA)
    packed = zlib.compress(history().SerializeToString())
    phone.write(anna, history_notice(packed), category="peer")
    assert anna.told("history.received")[0]["progress"] == 50
    assert lid_map.lid_of(anna.stored, BUDI_PN) == BUDI_LID
    assert contact_tokens.token_nodes(anna.stored, BUDI_PN, WALL_S)[0].data == b"T"
    (vouching,) = contact_tokens.token_nodes(anna.stored, BUDI_PN, WALL_S + 60 * 86_400)
    assert (vouching.tag, vouching.data) == ("cstoken", privacy_tokens.cstoken(b"salt", BUDI_LID))
    kinds = [node.optional("type") for node in stanzas(anna, "receipt")]
    assert kinds == ["hist_sync", "peer_msg"]


@pytest.mark.parametrize("payload", [b"x", zlib.compress(b"\xff" * 10), zlib.compress(bytes(1 << 25))])
def test_a_history_that_cannot_be_read_is_told_and_confirmed(server, anna, payload):
    Phone(server, ANNA).write(anna, history_notice(payload))
    assert len(anna.told("history.unreadable")) == 1
    assert stanzas(anna, "receipt")[-1].attrs["type"] == "sender"


def test_history_of_a_stranger_is_not_believed(server, anna):
    stranger = Phone(server, BUDI)
    packed = zlib.compress(history().SerializeToString())
    stranger.write(anna, history_notice(packed))
    assert anna.told("history.received") == []
    assert anna.told("message.received")[0]["type"] == "unknown"
    assert lid_map.lid_of(anna.stored, BUDI_PN) is None


def test_the_migration_mapping_of_our_phone_is_used(server, anna):
    payload = wa.LidMigrationMappingPayload(
        pn_to_lid_mappings=[
            wa.LidMigrationMappingPayload.Mapping(pn=int(BUDI), assigned_lid=5, latest_lid=int(BUDI_LID.user))
        ]
    )
    protocol = wa.ProtocolMessage(
        type=wa.ProtocolMessage.LID_MIGRATION_MAPPING_SYNC,
        lid_migration_mapping_sync=wa.LidMigrationMappingSync(
            encoded_mapping_payload=payload.SerializeToString()
        ),
    )
    Phone(server, ANNA).write(anna, wa.Message(protocol_message=protocol))
    assert lid_map.lid_of(anna.stored, BUDI_PN) == BUDI_LID


def test_an_answer_of_our_phone_that_nobody_asked_for_is_passed_on_raw(server, anna):
    protocol = wa.ProtocolMessage(type=wa.ProtocolMessage.PEER_DATA_OPERATION_RESPONSE)
    Phone(server, ANNA).write(anna, wa.Message(protocol_message=protocol))
    (event,) = anna.told("message.received")
    assert (event["type"], event["from_me"]) == ("unknown", True)


def test_our_push_name_is_learnt_from_our_phone(server, anna):
    Phone(server, ANNA).write(anna, wa.Message(conversation="x"), notify="Toko Anna")
    assert anna.invoke("account").data["push_name"] == "Toko Anna"


def test_a_copy_claimed_by_a_stranger_is_no_copy(server, anna):
    wrapped = wa.Message(
        device_sent_message=wa.DeviceSentMessage(
            destination_jid=str(BUDI_PN), message=wa.Message(conversation="palsu")
        )
    )
    Phone(server, BUDI).write(anna, wrapped)
    (event,) = anna.told("message.received")
    assert (event["from_me"], event["type"]) == (False, "unknown")


@pytest.mark.parametrize(
    ("children", "error", "kind"),
    [
        ((Node("unavailable", {"type": "view_once"}),), None, "message.unavailable"),
        ((), "488", None),
        ((Node("enc", {"v": "2", "type": "msmsg"}, b"x"),), "495", "message.undecryptable"),
    ],
    ids=["view once", "nothing", "bot"],
)
def test_messages_without_content_for_us_are_acknowledged(anna, children, error, kind):
    anna.connection.send(Node("message", {"id": "U1", "from": BUDI_LID, "type": "text"}, children))
    anna.server.run()
    ack = stanzas(anna, "ack")[-1]
    assert (ack.attrs["id"], ack.optional("error")) == ("U1", error)
    assert kind is None or len(anna.told(kind)) == 1


def test_grouped_receipts_are_told_by_reader(anna):
    readers = tuple(Node("user", {"jid": BUDI_LID, "t": str(n)}) for n in range(2))
    grouped = Node("participants", {"key": "M1"}, readers)
    attrs = {"id": "r1", "from": Jid("1", "g.us"), "type": "read"}
    anna.connection.send(Node("receipt", attrs, (grouped,)))
    anna.connection.send(Node("receipt", attrs, (grouped,)))
    anna.server.run()
    assert [(one["ids"], one["sender"]) for one in anna.told("message.receipt")] == [(["M1"], str(BUDI_LID))]
    assert len(stanzas(anna, "ack")) == 2
