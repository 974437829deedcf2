"""Linking: QR codes and the pairing code, what a phone vouches for, and what is refused."""

from base64 import b64decode

import pytest

from core.failures import FailureKind
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import QR_START, Server
from whatsapp import pairing_code
from whatsapp import wire_pb2 as wire
from whatsapp.account import Account
from whatsapp.adv import issue_identity, verify_device_signature
from whatsapp.jid import SERVER
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node

PHONE = "6281100001"


@pytest.fixture
def account(make_rng) -> KeyPair:
    return KeyPair.generate(make_rng(99))


def test_a_new_device_registers_with_its_keys(server):
    client = Client(server, 1)
    client.open()
    payload = client.connection.payload
    stored = Account.load(client.stored)
    data = payload.device_pairing_data
    assert (payload.passive, payload.pull, payload.user_agent.platform) == (False, False, 14)
    assert data.e_ident == stored.identity.public and data.e_skey_id == b"\0\0\x01"
    assert int.from_bytes(data.e_regid, "big") == stored.registration_id
    assert len(data.build_hash) == 16 and wire.DeviceProps.FromString(data.device_props).os == "Sambung"
    assert client.authenticated, "the link is open while the code is shown, or its deadline would end it"
    assert not client.session.linked and not client.session.online


def test_qr_codes_change_and_end(server):
    client = Client(server, 1)
    client.open()
    (first,) = client.told("qr")
    text = first["text"].removeprefix(QR_START).split(",")
    stored = Account.load(client.stored)
    keys = [stored.noise.public, stored.identity.public, stored.adv_secret]
    assert text[0] == "ref0" and [b64decode(part) for part in text[1:4]] == keys and text[4] == "1"
    client.pass_time(59)
    assert len(client.told("qr")) == 1
    client.pass_time(2)
    assert [event["number"] for event in client.told("qr")] == [1, 2]
    client.pass_time(100)
    assert [event["text"].split(",")[0][-4:] for event in client.told("qr")] == [f"ref{n}" for n in range(6)]
    assert client.failure.kind is FailureKind.LOGGED_OUT and client.failure.status == 408
    assert len(client.told("qr.expired")) == 1
    client.open()
    assert len(client.told("qr")) == 7, "a new connection brings new codes"
    assert Account.load(client.stored) == stored, "under the same keys"


def test_a_scan_links_restarts_and_logs_in(server, account):
    client = Client(server, 1)
    client.auto_restart = False
    client.open()
    server.scan(PHONE, client.told("qr")[0]["text"], account)
    server.run()
    assert client.failure.kind is FailureKind.RESTART
    stored = Account.load(client.stored)
    assert (str(stored.jid), str(stored.lid)) == (f"{PHONE}:1@s.whatsapp.net", f"9000{PHONE}:1@lid")
    assert verify_device_signature(stored.signed_identity, stored.identity.public) == 1
    (event,) = client.told("session.linked")
    assert event["jid"] == str(stored.jid) and event["platform"] == "android"
    client.open()
    payload = client.connection.payload
    assert (payload.username, payload.device, payload.passive) == (int(PHONE), 1, True)
    assert client.session.online and len(client.told("session.open")) == 1


def test_the_link_is_durable_before_the_server_hears_of_it(server, account):
    client = Client(server, 1)
    client.open()
    connection = client.connection
    server.scan(PHONE, client.told("qr")[0]["text"], account)
    sent = []
    connection.receive = sent.append
    server.run()
    assert sent and Account.load(client.stored).linked


@pytest.mark.parametrize(
    ("secret", "spoil", "text"),
    [(b"x" * 32, None, "hmac-mismatch"), (b"", b"other", "signature-mismatch")],
    ids=["another QR code", "another companion"],
)
def test_a_forged_link_is_refused(server, account, secret, spoil, text):
    client = Client(server, 1)
    client.open()
    refused = []
    if spoil is None:
        server.scan(PHONE, client.told("qr")[0]["text"], account, secret=secret)
    else:
        stored = Account.load(client.stored)
        other = KeyPair.generate(server.rng).public
        data = issue_identity(account, other, stored.adv_secret, key_index=1, now_s=1, rng=server.rng)
        client.connection.pair(PHONE, 1, data)
    client.connection._iq = refused.append
    server.run()
    errors = [node.need("error").attrs["text"] for node in refused if node.find("error")]
    assert errors == [text]
    assert len(client.told("pairing.failed")) == 1
    assert not Account.load(client.stored).linked and client.failure is None


def link_by_code(server: Server, client: Client, typed: str | None = None, ref: bytes = b"R") -> KeyPair:
    """The phone's side of a link by code; returns the account's key."""
    phone, ephemeral = KeyPair.generate(server.rng), KeyPair.generate(server.rng)
    seen: dict[str, Node] = {}

    def md(node: Node) -> Node:
        reg = node.need("link_code_companion_reg")
        seen[reg.text_attr("stage")] = reg
        answer = Node("link_code_companion_reg", {}, (Node("link_code_pairing_ref", {}, b"R"),))
        return Node("iq", {}, (answer,))

    client.connection.answers["md"] = md
    reply = client.invoke("pairing_code", phone=f"+{PHONE}")
    assert reply.error is None
    code = typed or reply.data["code"].replace("-", "")
    hello = seen["companion_hello"]
    wrapped = hello.need("link_code_pairing_wrapped_companion_ephemeral_pub").data
    companion = pairing_code.unwrap_ephemeral(code, wrapped)
    children = (
        Node(
            "link_code_pairing_wrapped_primary_ephemeral_pub",
            {},
            pairing_code.wrap_ephemeral(code, ephemeral.public, server.rng),
        ),
        Node("primary_identity_pub", {}, phone.public),
        Node("link_code_pairing_ref", {}, ref),
    )
    told = Node("link_code_companion_reg", {"stage": "primary_hello"}, children)
    attrs = {"type": "link_code_companion_reg", "from": SERVER, "id": "n1"}
    client.connection.send(Node("notification", attrs, (told,)))
    server.run()
    if "companion_finish" not in seen:
        return phone
    bundle = seen["companion_finish"].need("link_code_pairing_wrapped_key_bundle").data
    identity, secret = pairing_code.phone_finish(ephemeral, phone, companion, bundle)
    data = issue_identity(phone, identity, secret, key_index=1, now_s=1, rng=server.rng)
    client.connection.pair(PHONE, 1, data)
    server.run()
    return phone


def test_a_code_links_as_well(server):
    client = Client(server, 1)
    client.open()
    link_by_code(server, client)
    assert client.session.online and Account.load(client.stored).linked


def test_an_answer_to_another_code_is_refused(server):
    client = Client(server, 1)
    client.open()
    link_by_code(server, client, ref=b"OTHER")
    assert client.told("pairing.failed") and not client.session.linked


def test_a_code_needs_a_number_and_a_waiting_server(server):
    client = Client(server, 1)
    assert client.invoke("pairing_code", phone=PHONE).retry
    client.open()
    assert "phone number" in client.invoke("pairing_code", phone="0811").error
    client.connection.answers["md"] = lambda node: Node(
        "iq", {"type": "error"}, (Node.make("error", code=400, text="bad-request"),)
    )
    reply = client.invoke("pairing_code", phone=PHONE)
    assert "400" in reply.error and not reply.retry
    linked_client = linked(server, "6281100002")
    assert "linked already" in linked_client.invoke("pairing_code", phone=PHONE).error
