"""What notifications and receipts change or tell: device lists, news for the application, who read what."""

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Server
from tests.whatsapp.talking import ANNA, BUDI, BUDI_LID, BUDI_PN, content, notify, stanzas
from whatsapp.jid import Jid
from whatsapp.nodes import Node

ANNA_PN, ANNA_LID = Jid(ANNA, "s.whatsapp.net"), Jid(f"9000{ANNA}", "lid")


@pytest.fixture
def anna(server: Server) -> Client:
    return linked(server, ANNA)


TOLD = {
    "picture": BUDI_LID,
    "status": BUDI_PN,
    "business": BUDI_PN,
    "mediaretry": ANNA_PN,
    "mex": Jid("", "s.whatsapp.net"),
    "newsletter": Jid("120363000000000002", "newsletter"),
}


@pytest.mark.parametrize(("kind", "sender"), TOLD.items(), ids=TOLD)
def test_news_that_only_the_application_can_use_are_told_and_acknowledged(anna, kind, sender):
    notify(anna, kind, Node("set", {"id": "1"}), Node("update"), **{"from": sender})
    (event,) = anna.told("notification.received")
    assert (event["type"], event["sender"], event["changes"]) == (kind, str(sender), ["set", "update"])
    ack = stanzas(anna, "ack")[-1]
    assert (ack.attrs["class"], ack.attrs["type"], ack.jid_attr("to")) == ("notification", kind, sender)


@pytest.mark.parametrize("kind", ["server_sync", "psa", "account_sync", "devices"])
def test_other_notifications_are_not_told(anna, kind):
    notify(anna, kind, Node("x"), **{"from": ANNA_PN})
    assert anna.told("notification.received") == []


CHANGED = {
    "ours, by number": (ANNA, "account_sync", ANNA_PN),
    "ours, by LID": (ANNA, "account_sync", ANNA_LID),
    "theirs, by number": (BUDI, "devices", BUDI_PN),
    "theirs, by LID": (BUDI, "devices", BUDI_LID),
}


@pytest.mark.parametrize(("user", "kind", "sender"), CHANGED.values(), ids=CHANGED)
def test_a_new_device_gets_messages_as_soon_as_its_account_tells_of_it(server, anna, user, kind, sender):
    linked(server, BUDI)
    anna.send("a", content(BUDI, "satu"))
    new = linked(server, user, 2)
    anna.send("b", content(BUDI, "dua"))
    notify(anna, kind, Node("devices"), **{"from": sender})
    anna.send("c", content(BUDI, "tiga"))
    assert new.texts() == ["tiga"], "until then the list is taken from memory"


RECEIPTS = {
    "delivered": (None, "delivered"),
    "delivered while away": ("inactive", "delivered"),
    "read": ("read", "read"),
    "played": ("played", "played"),
    "a kind that means nothing here": ("server-error", None),
}


@pytest.mark.parametrize(("kind", "status"), RECEIPTS.values(), ids=RECEIPTS)
def test_a_receipt_says_what_became_of_a_message(anna, kind, status):
    attrs = {"id": "M1", "from": BUDI_LID, "t": "123"} | ({} if kind is None else {"type": kind})
    anna.connection.send(Node("receipt", attrs, (Node("list", {}, (Node("item", {"id": "M2"}),)),)))
    anna.server.run()
    event = {"ids": ["M1", "M2"], "chat": str(BUDI_LID), "sender": str(BUDI_LID), "timestamp": 123}
    assert anna.told("message.receipt") == ([] if status is None else [event | {"status": status}])
    assert stanzas(anna, "ack")[-1].attrs["class"] == "receipt"


def test_what_we_read_on_another_device_is_told_as_ours(anna):
    other = ANNA_LID.with_device(2)
    attrs = {"id": "M1", "from": other, "recipient": BUDI_LID, "type": "read-self", "t": "123"}
    anna.connection.send(Node("receipt", attrs))
    anna.server.run()
    (event,) = anna.told("message.receipt")
    assert (event["status"], event["chat"], event["sender"]) == ("read_by_us", str(BUDI_LID), str(other))
