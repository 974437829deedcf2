"""What is written to a group: who can read it, with which keys, before and after the members change."""

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.talking import ANNA, BUDI, CITRA, GROUP, content, stanzas
from whatsapp.nodes import Node
from whatsapp.restoring import make_safe


@pytest.fixture(params=[True, False], ids=["LID group", "PN group"])
def trio(server: Server, request: pytest.FixtureRequest) -> list[Client]:
    clients = [linked(server, phone) for phone in (ANNA, BUDI, CITRA)]
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI, CITRA], request.param)
    return clients


def test_group_messages_reach_everybody_with_one_key_each(trio):
    anna, budi, citra = trio
    for number in range(3):
        anna.send(f"a{number}", content(str(GROUP), f"anna {number}"))
    budi.send("b", content(str(GROUP), "budi"))
    assert citra.texts() == ["anna 0", "anna 1", "anna 2", "budi"]
    assert budi.texts() == ["anna 0", "anna 1", "anna 2"] and anna.texts() == ["budi"]
    given = [
        len(node.find("participants").children) if node.find("participants") else 0 for node in stanzas(anna)
    ]
    assert given == [2, 0, 0]
    event = citra.told("message.received")[0]
    assert (event["chat"], event["sender_pn"]) == (str(GROUP), f"{ANNA}@s.whatsapp.net")
    assert [reply.error for reply in anna.replies] == [None] * 3
    assert {receipt["chat"] for receipt in anna.told("message.receipt")} == {str(GROUP)}


def test_who_left_cannot_read_on_and_who_joins_can(trio):
    anna, budi, citra = trio
    server = anna.server
    anna.send("a1", content(str(GROUP), "satu"))
    server.groups[GROUP].members.remove(CITRA)
    left = Node("remove", {}, (Node("participant", {"jid": citra.session._core.account.lid.without_device}),))
    anna.connection.send(Node("notification", {"type": "w:gp2", "id": "n1", "from": GROUP}, (left,)))
    server.run()
    anna.send("a2", content(str(GROUP), "dua"))
    assert (citra.texts(), budi.texts()) == (["satu"], ["satu", "dua"])
    assert stanzas(anna)[-1].find("participants") is not None
    (change,) = anna.told("group.changed")
    assert change["changes"][0]["change"] == "remove"
    server.groups[GROUP].members.append(CITRA)
    joined = Node("add", {}, (Node("participant", {"jid": citra.session._core.account.lid.without_device}),))
    anna.connection.send(Node("notification", {"type": "w:gp2", "id": "n2", "from": GROUP}, (joined,)))
    server.run()
    anna.send("a3", content(str(GROUP), "tiga"))
    assert citra.texts() == ["satu", "tiga"]


def test_a_device_that_was_unlinked_cannot_read_on(trio):
    anna, budi, _ = trio
    server = anna.server
    budi2 = linked(server, BUDI, 2)
    anna.send("a1", content(str(GROUP), "satu"))
    del server.devices[budi2.connection.device.jid]
    before = keys_given(anna)
    anna.connection.send(Node("notification", {"type": "devices", "id": "n1", "from": f"9000{BUDI}@lid"}))
    server.run()
    anna.send("a2", content(str(GROUP), "dua"))
    assert (before, keys_given(anna)) == ([3], [3, 2])
    assert budi.texts() == ["satu", "dua"]


def keys_given(client: Client) -> list[int]:
    """How many devices got our sender key, by message."""
    listed = [node.find("participants") for node in stanzas(client)]
    return [0 if one is None else len(one.children) for one in listed]


def test_stanzas_name_devices_the_way_the_chat_does(trio):
    anna, *_ = trio
    anna.send("a1", content(str(GROUP), "satu"))
    stanza = stanzas(anna)[-1]
    by_lid = anna.server.groups[GROUP].lid_addressing
    assert {to.jid_attr("jid").is_lid for to in stanza.need("participants").children} == {by_lid}
    assert stanza.attrs["addressing_mode"] == ("lid" if by_lid else "pn")


def test_a_restored_copy_never_sends_with_old_keys(trio):
    anna, budi, _ = trio
    anna.send("a1", content(str(GROUP), "satu"))
    budi.send("b1", content(ANNA, "dua"))
    anna.close()
    with anna.stored.transaction() as tx:
        make_safe(tx)
    anna.start_process()
    anna.open()
    anna.send("a2", content(str(GROUP), "tiga"))
    anna.send("a3", content(BUDI, "empat"))
    assert keys_given(anna)[:2] == [2, 2], "the group gets a new key"
    enc = [enc for to in stanzas(anna)[-1].need("participants").children for enc in to.children]
    assert [one.attrs["type"] for one in enc] == ["pkmsg"]
    assert budi.texts() == ["satu", "tiga", "empat"]


def test_a_group_that_we_are_not_in_is_told(trio):
    anna, *_ = trio
    anna.send("a1", content("555@g.us"))
    assert "404" in anna.replies[-1].error and not anna.replies[-1].retry
    group = anna.invoke("group", group=str(GROUP)).data
    assert (group["subject"], len(group["participants"])) == ("Test group", 3)
