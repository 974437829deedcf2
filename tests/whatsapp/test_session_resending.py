"""How often a message is sent again, and how often a session is made anew for it."""

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.talking import ANNA, BUDI, GROUP, content, stanzas
from whatsapp.nodes import Node

HOUR_S = 3600.0


@pytest.fixture
def pair(server: Server) -> tuple[Client, Client]:
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI])
    return linked(server, ANNA), linked(server, BUDI)


def ask_again(asked: Client, asking: Client, message_id: str, count: int = 1, **attrs: object) -> list[Node]:
    """A retry receipt without keys; what `asked` sent for it."""
    before, acks = len(stanzas(asked)), len(stanzas(asked, "ack"))
    receipt = {"id": message_id, "from": asking.connection.device.lid, "type": "retry", **attrs}
    retry = Node.make("retry", count=count, id=message_id, t=1, v=1)
    asked.connection.send(Node("receipt", receipt, (retry,)))
    asked.server.run()
    ack = stanzas(asked, "ack")[acks]
    assert (ack.attrs["class"], ack.attrs["id"], ack.attrs["type"]) == ("receipt", message_id, "retry")
    return stanzas(asked)[before:]


def bundles_asked(client: Client) -> int:
    return sum(node.find("key", "user") is not None for node in stanzas(client, "iq"))


@pytest.mark.parametrize("to_group", [False, True], ids=["to a person", "to a group"])
def test_a_message_is_sent_again_ten_times_to_each_device(server, pair, to_group):
    anna, budi = pair
    second = linked(server, BUDI, 2)
    anna.send("a", content(str(GROUP) if to_group else BUDI, "satu"))
    anna.send("b", content(str(GROUP) if to_group else BUDI, "dua"))
    first_id, other_id = (reply.data["id"] for reply in anna.replies)

    def again(client: Client, message_id: str) -> int:
        group = {"from": GROUP, "participant": client.connection.device.lid} if to_group else {}
        return len(ask_again(anna, client, message_id, **group))

    assert [again(budi, first_id) for _ in range(12)] == [1] * 10 + [0] * 2
    assert (again(second, first_id), again(budi, other_id)) == (1, 1), "counted by device and message"
    assert budi.texts() == second.texts() == ["satu", "dua"]


def test_a_session_is_made_anew_at_most_once_an_hour(pair):
    anna, budi = pair
    anna.send("a", content(BUDI, "satu"))
    budi.send("b", content(ANNA, "dua"))
    message_id, before = anna.replies[-1].data["id"], bundles_asked(anna)
    kinds = []
    for count, wait_s in ((1, 0.0), (2, 0.0), (3, HOUR_S - 1), (4, 1.0), (5, 0.0)):
        anna.wall_s += wait_s
        (stanza,) = ask_again(anna, budi, message_id, count)
        kinds.append((bundles_asked(anna) - before, stanza.need("enc").attrs["count"]))
    assert kinds == [(0, "1"), (1, "2"), (1, "3"), (2, "4"), (2, "5")]
    anna.send("c", content(BUDI, "tiga"))
    assert budi.texts() == ["satu", "tiga"]


def test_what_is_sent_again_still_says_that_it_is_an_edit(pair):
    anna, budi = pair
    anna.send("a", b'{"to":"%s","type":"edit","message":{"id":"X1"},"text":"baru"}' % BUDI.encode())
    (stanza,) = ask_again(anna, budi, anna.replies[-1].data["id"])
    enc = stanza.need("enc")
    assert (stanza.attrs["edit"], enc.attrs["decrypt-fail"], enc.attrs["count"]) == ("1", "hide", "1")
