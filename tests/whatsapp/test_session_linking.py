"""Linking and login: QR codes, the pairing code, what the server must find, restarts, keepalive, pre-keys."""

from base64 import b64decode

import pytest

from core.effects import Disconnected, Send
from core.failures import FailureKind
from tests.whatsapp.scripted import QR_START, WALL_S, Client, Connection, Server, linked
from whatsapp import pairing_code, prekeys
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


def heard(client: Client, tag: str) -> list[Node]:
    own = client.connection.device.jid
    return [node for jid, node in client.server.heard if jid == own and node.tag == tag]


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


# ── after login ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_login_uploads_pre_keys_once_and_announces(server):
    client = linked(server, PHONE)
    uploads = [node for node in heard(client, "iq") if node.find("list") and node.find("skey")]
    assert [len(node.need("list").children) for node in uploads] == [20]
    assert any(node.find("active") for node in heard(client, "iq"))
    client.close()
    client.open()
    assert len([node for node in heard(client, "iq") if node.find("list")]) == 1
    assert prekeys.uploaded_before(client.stored)


def test_the_server_runs_low_and_gets_more(server):
    client = linked(server, PHONE)
    count = Node(
        "notification", {"type": "encrypt", "id": "n1", "from": SERVER}, (Node.make("count", value=3),)
    )
    client.connection.send(count)
    client.connection.send(count)
    server.run()
    ids = [key.id for key in client.connection.device.upload.pre_keys]
    assert ids == list(range(1, 41)), "one more batch, without repeating an id"
    acks = [node for node in heard(client, "ack") if node.attrs["class"] == "notification"]
    assert len(acks) == 2


def test_the_signed_key_is_renewed_after_a_month_and_until_the_server_has_it(server):
    client = linked(server, PHONE)
    client.close()
    client.wall_s += 31 * 86_400
    client.connection = None
    rotations = []
    client.open()
    rotations = [node for node in heard(client, "iq") if node.find("rotate")]
    assert len(rotations) == 1 and prekeys.signed(client.stored).id == 2
    client.close()
    client.open()
    assert len([node for node in heard(client, "iq") if node.find("rotate")]) == 1


def test_a_silent_server_is_noticed(server):
    client = linked(server, PHONE)
    client.pass_time(600)
    pings = [node for node in heard(client, "iq") if node.find("ping")]
    assert 18 <= len(pings) <= 31 and client.failure is None
    client.connection.receive = lambda data: None
    client.pass_time(60)
    assert client.failure.kind is FailureKind.TIMEOUT


def test_logout_unlinks_and_forgets(server):
    client = linked(server, PHONE)
    assert client.invoke("logout").error is None
    assert client.failure.kind is FailureKind.LOGGED_OUT
    assert list(client.stored.rows()) == []
    assert any(node.find("remove-companion-device") for _, node in server.heard)
    client.open()
    assert len(client.told("qr")) == 2 and not client.session.linked


def test_a_damaged_account_parks_instead_of_making_a_new_one(server):
    client = linked(server, PHONE)
    client.close()
    client.stored.spaces["account"][""] = b"{"
    client.start_process()
    (effect,) = client.session.on_open(1.0)
    assert isinstance(effect, Disconnected) and effect.failure.kind is FailureKind.CONFIG
    assert client.session.on_message(b"x", 1.0) == [] and client.session.on_timer("queries", 1.0) == []


def test_edge_routing_is_used_at_the_next_connection(server):
    client = linked(server, PHONE)
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
    client = linked(server, PHONE)
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
