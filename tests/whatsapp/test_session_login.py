"""What a client says of itself inside the handshake, and what follows a login: pre-keys, keepalive, logout."""

from hashlib import md5

import pytest

from core.effects import Disconnected, Send
from core.failures import FailureKind
from tests.whatsapp.phone import Phone
from tests.whatsapp.scripted_client import Client, account_key, linked
from tests.whatsapp.scripted_connection import Connection
from tests.whatsapp.scripted_server import WALL_S, Server
from tests.whatsapp.talking import ANNA, stanzas
from whatsapp import message_pb2 as wa
from whatsapp import prekeys, signal_cipher
from whatsapp.jid import SERVER
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node
from whatsapp.session_settings import SessionSettings
from whatsapp.signal_cipher import SignalCipher
from whatsapp.signal_session import LocalIdentity

DAY_S = 86_400.0


@pytest.fixture
def anna(server: Server) -> Client:
    return linked(server, ANNA)


def rotations(client: Client) -> list[int]:
    """The ids of the signed keys that the server was told apart from uploads."""
    asked = (node.find("rotate", "skey", "id") for node in stanzas(client, "iq"))
    return [int.from_bytes(one.data, "big") for one in asked if one is not None]


def test_a_login_names_the_device_and_how_it_wants_to_be_served(anna):
    payload = anna.connection.payload
    assert (payload.username, payload.device) == (int(ANNA), 1)
    assert (payload.passive, payload.pull, payload.lid_db_migrated, payload.lc) == (True, True, True, 1)
    assert not payload.HasField("device_pairing_data")


@pytest.mark.parametrize("revision", [1_047_769_893, 1_234_567])
def test_a_registration_names_the_version_twice(server, revision):
    client = Client(server, 1, SessionSettings(revision=revision))
    client.open()
    payload = client.connection.payload
    version = payload.user_agent.app_version
    assert (version.primary, version.secondary, version.tertiary) == (2, 3000, revision)
    assert payload.device_pairing_data.build_hash == md5(f"2.3000.{revision}".encode()).digest()


def test_the_offline_queue_is_asked_for_in_batches_of_a_hundred(anna):
    anna.connection.send(Node("ib", {}, (Node.make("offline_preview", count=250, message=250),)))
    anna.server.run()
    (batch,) = stanzas(anna, "ib")
    assert (batch.children[0].tag, batch.children[0].attrs) == ("offline_batch", {"count": "100"})


def test_a_signed_key_that_the_server_refused_is_offered_again_at_the_next_login(anna, monkeypatch):
    answered = Connection._keys

    def refuse(connection: Connection, node: Node) -> Node:
        if node.find("rotate") is None:
            return answered(connection, node)
        return Node("iq", {"type": "error"}, (Node.make("error", code=503, text="later"),))

    def log_in_again() -> None:
        anna.close()
        anna.open()

    anna.wall_s += 31 * DAY_S
    monkeypatch.setattr(Connection, "_keys", refuse)
    log_in_again()
    log_in_again()
    assert rotations(anna) == [2, 2], "the same key, not a newer one"
    monkeypatch.undo()
    log_in_again()
    log_in_again()
    assert rotations(anna) == [2, 2, 2], "once the server has it, it is not told again"
    assert prekeys.signed(anna.stored).id == 2


@pytest.mark.parametrize("same", [True, False], ids=["the account's key", "another key"])
def test_the_phone_is_trusted_by_the_key_that_vouched_for_us(server, anna, same):
    phone = Phone(server, ANNA)
    address = phone.device.lid.signal_address
    account = account_key(ANNA) if same else KeyPair.generate(server.rng)
    assert (anna.stored.get(signal_cipher.IDENTITIES, address) == account.public) is same
    phone.identity = LocalIdentity(account, 7)
    phone.cipher = SignalCipher(phone.identity, server.rng)
    phone.write(anna, wa.Message(conversation="x"))
    assert anna.told("identity.changed") == ([] if same else [{"user": str(phone.device.lid)}])
    assert anna.texts() == ["x"]


def test_login_uploads_pre_keys_once_and_announces(server):
    client = linked(server, ANNA)
    uploads = [node for node in stanzas(client, "iq") if node.find("list") and node.find("skey")]
    assert [len(node.need("list").children) for node in uploads] == [20]
    assert any(node.find("active") for node in stanzas(client, "iq"))
    client.close()
    client.open()
    assert len([node for node in stanzas(client, "iq") if node.find("list")]) == 1
    assert prekeys.uploaded_before(client.stored)


def test_the_server_runs_low_and_gets_more(server):
    client = linked(server, ANNA)
    count = Node(
        "notification", {"type": "encrypt", "id": "n1", "from": SERVER}, (Node.make("count", value=3),)
    )
    client.connection.send(count)
    client.connection.send(count)
    server.run()
    ids = [key.id for key in client.connection.device.upload.pre_keys]
    assert ids == list(range(1, 41)), "one more batch, without repeating an id"
    acks = [node for node in stanzas(client, "ack") if node.attrs["class"] == "notification"]
    assert len(acks) == 2


def test_the_signed_key_is_renewed_after_a_month_and_until_the_server_has_it(server):
    client = linked(server, ANNA)
    client.close()
    client.wall_s += 31 * 86_400
    client.connection = None
    rotations = []
    client.open()
    rotations = [node for node in stanzas(client, "iq") if node.find("rotate")]
    assert len(rotations) == 1 and prekeys.signed(client.stored).id == 2
    client.close()
    client.open()
    assert len([node for node in stanzas(client, "iq") if node.find("rotate")]) == 1


def test_a_silent_server_is_noticed(server):
    client = linked(server, ANNA)
    client.pass_time(600)
    pings = [node for node in stanzas(client, "iq") if node.find("ping")]
    assert 18 <= len(pings) <= 31 and client.failure is None
    client.connection.receive = lambda data: None
    client.pass_time(60)
    assert client.failure.kind is FailureKind.TIMEOUT


def test_logout_unlinks_and_forgets(server):
    client = linked(server, ANNA)
    assert client.invoke("logout").error is None
    assert client.failure.kind is FailureKind.LOGGED_OUT
    assert list(client.stored.rows()) == []
    assert any(node.find("remove-companion-device") for _, node in server.heard)
    client.open()
    assert len(client.told("qr")) == 2 and not client.session.linked


def test_a_damaged_account_parks_instead_of_making_a_new_one(server):
    client = linked(server, ANNA)
    client.close()
    client.stored.spaces["account"][""] = b"{"
    client.start_process()
    (effect,) = client.session.on_open(1.0)
    assert isinstance(effect, Disconnected) and effect.failure.kind is FailureKind.CONFIG
    assert client.session.on_message(b"x", 1.0) == [] and client.session.on_timer("queries", 1.0) == []


def test_edge_routing_is_used_at_the_next_connection(server):
    client = linked(server, ANNA)
    info = Node("edge_routing", {}, (Node("routing_info", {}, b"\x01\x02"),))
    client.connection.send(Node("ib", {}, (info,)))
    server.run()
    client.close()
    (hello,) = [effect for effect in client.session.on_open(client.now_s) if isinstance(effect, Send)]
    assert hello.data.startswith(b"ED\x00\x01\x00\x00\x02\x01\x02WA")


@pytest.mark.parametrize(
    ("t", "offset_s"),
    [(str(int(WALL_S) + 90), 90), (str(int(WALL_S) - 5), -5), ("soon", None), ("9" * 13, None), (None, None)],
    ids=["ahead", "behind", "no number", "too long", "not said"],
)
def test_how_far_the_servers_clock_is_ahead_is_told(server, t, offset_s):
    client = linked(server, ANNA)
    assert client.told("session.open")[-1]["clock_offset_s"] == 0
    client.close()
    client.start_process()
    connection_send = Connection.send
    client.connection = Connection(server, client.receive)
    client.act(client.session.on_open(client.now_s))

    def other_clock(node: Node) -> None:
        if node.tag == "success":
            node = Node.make("success", t=t)
        connection_send(client.connection, node)

    client.connection.send = other_clock
    server.run()
    assert client.told("session.open")[-1]["clock_offset_s"] == offset_s
    assert client.invoke("account").data["clock_offset_s"] == offset_s
