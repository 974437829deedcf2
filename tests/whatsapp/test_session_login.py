"""What a client says of itself inside the handshake, and what follows a login."""

from hashlib import md5

import pytest

from tests.whatsapp.scripted import Client, Connection, Server, account_key, linked
from tests.whatsapp.test_session_messages import ANNA, stanzas
from tests.whatsapp.test_session_news import Phone
from whatsapp import message_pb2 as wa
from whatsapp import prekeys, signal_cipher
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
