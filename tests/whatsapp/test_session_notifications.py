"""Notifications that tell something or change what is stored."""

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.talking import ANNA, BUDI, CITRA, GROUP, content, notify, stanzas
from whatsapp import signal_cipher
from whatsapp.jid import Jid
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node


@pytest.fixture
def anna(server: Server) -> Client:
    return linked(server, ANNA)


TIMELOCK = b'{"data":{"xwa2_notify_account_reachout_timelock":{"is_active":true}}}'


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (TIMELOCK, TIMELOCK.decode()),
        (b"x" * 8192, "x" * 8192),
        (b"x" * 8193, None),
        (b"\xff", None),
        (None, ""),
    ],
    ids=["a limit on the account", "as long as may be", "too long", "no text", "nothing"],
)
def test_what_a_mex_notification_says_is_passed_on(anna, content, text):
    notify(anna, "mex", Node("update", {"op_name": "NotificationReachout"}, content))
    (event,) = anna.told("notification.received")
    assert event["updates"] == [{"op_name": "NotificationReachout", "json": text}]


def removal(client: Client, device: Jid) -> None:
    remove = Node("remove", {}, (Node("device", {"jid": device}), Node("key-index-list")))
    user = Jid(BUDI, "s.whatsapp.net")
    notify(client, "devices", remove, **{"from": user, "lid": Jid(f"9000{BUDI}", "lid")})


@pytest.mark.parametrize(
    ("device", "gone"),
    [
        (Jid(BUDI, "s.whatsapp.net", 2), [f"9000{BUDI}_1.2"]),
        (Jid(f"9000{BUDI}", "lid", 2), [f"9000{BUDI}_1.2"]),
        (Jid(BUDI, "s.whatsapp.net"), []),
        (Jid(f"9000{CITRA}", "lid", 1), []),
        (Jid(BUDI, "s.whatsapp.net", 7), []),
    ],
    ids=["by number", "by LID", "the phone", "somebody else's", "unknown"],
)
def test_of_a_removed_device_nothing_is_kept(server, anna, device, gone):
    budi, *_ = (linked(server, *one) for one in ((BUDI, 1), (BUDI, 2), (CITRA, 1)))
    for number in (BUDI, CITRA):
        anna.send(number, content(number))
    before = {space: set(anna.stored.keys(space)) for space in ("session", "identity")}
    removal(anna, device)
    for space, addresses in before.items():
        assert addresses - set(anna.stored.keys(space)) == set(gone)
    anna.send("again", content(BUDI, "lagi"))
    assert budi.texts() == ["halo", "lagi"] and anna.replies[-1].error is None


def test_a_removed_device_cannot_read_what_is_written_to_a_group_then(server, anna):
    budi, second = linked(server, BUDI), linked(server, BUDI, 2)
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI])
    anna.send("a", content(str(GROUP), "satu"))
    del server.devices[second.connection.device.jid]
    removal(anna, Jid(BUDI, "s.whatsapp.net", 2))
    anna.send("b", content(str(GROUP), "dua"))
    given = stanzas(anna)[-1].need("participants").children
    assert [one.jid_attr("jid").device for one in given] == [1], "a new key"
    assert budi.texts() == ["satu", "dua"]


def test_a_changed_identity_is_told_and_talking_goes_on(pair, server):
    anna, _budi = pair
    anna.send("a", content(BUDI, "satu"))
    server.devices.clear()
    again = Client(server, 77)
    again.open()
    server.scan(BUDI, again.told("qr")[0]["text"], KeyPair.generate(server.rng))
    server.devices[anna.connection.device.jid] = anna.connection.device
    server.run()
    notice = Node(
        "notification", {"type": "encrypt", "id": "n", "from": f"9000{BUDI}@lid"}, (Node("identity"),)
    )
    anna.connection.send(notice)
    server.run()
    assert anna.told("identity.changed") == [{"user": f"9000{BUDI}@lid"}]
    assert not list(signal_cipher.addresses(anna.stored, signal_cipher.SESSIONS, f"9000{BUDI}_1"))
    anna.send("b", content(BUDI, "dua"))
    assert again.texts() == ["dua"]
