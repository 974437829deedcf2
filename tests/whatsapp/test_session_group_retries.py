"""Who may ask for a group message again: its members, with whichever device, and nobody else."""

import pytest

from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.talking import ANNA, BUDI, CITRA, GROUP, content, stanzas
from whatsapp import groups, lid_map, sender_key_readers
from whatsapp.jid import Jid
from whatsapp.nodes import Node


@pytest.fixture(params=[True, False], ids=["LID group", "PN group"])
def anna(request: pytest.FixtureRequest) -> Client:
    """Wrote to a group with Budi; Citra is linked and no member."""
    server = Server()
    anna, *_ = (linked(server, phone) for phone in (ANNA, BUDI, CITRA))
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI], request.param)
    anna.send("m", content(str(GROUP), "rahasia"))
    return anna


def forget(client: Client, cache: bool, readers: bool) -> None:
    with client.session._core.state.transaction() as tx:
        if cache:
            groups.forget(tx, GROUP)
        if readers:
            sender_key_readers.forget_all(tx)


def ask_again(client: Client, device: Jid) -> list[Node]:
    """A retry receipt of a device; the messages that came of it."""
    message_id = client.replies[-1].data["id"]
    retry = (Node.make("retry", count=1, id=message_id), Node("registration", {}, bytes(4)))
    attrs = {"id": message_id, "from": GROUP, "type": "retry", "participant": device}
    before = len(stanzas(client))
    client.connection.send(Node("receipt", attrs, retry))
    client.server.run()
    return stanzas(client)[before:]


def acks(client: Client) -> list[Node]:
    return [node for node in stanzas(client, "ack") if node.optional("type") == "retry"]


def lid(phone: str, device: int = 1) -> Jid:
    return Jid(f"9000{phone}", "lid", device)


def pn(phone: str, device: int = 1) -> Jid:
    return Jid(phone, "s.whatsapp.net", device)


@pytest.mark.parametrize("cache", [False, True], ids=["group cached", "group not cached"])
@pytest.mark.parametrize("readers", [False, True], ids=["readers known", "readers not known"])
@pytest.mark.parametrize(
    ("device", "answered"),
    [
        (lid(BUDI), True),
        (pn(BUDI), True),
        (lid(BUDI, 2), True),
        (lid(ANNA, 2), True),
        (lid(CITRA), False),
        (pn(CITRA), False),
    ],
    ids=["member", "member by number", "new device", "own device", "stranger", "stranger by number"],
)
def test_members_get_a_group_message_again_and_others_do_not(anna, cache, readers, device, answered):
    for phone in (ANNA, BUDI):
        linked(anna.server, phone, 2)
    forget(anna, cache, readers)
    again = ask_again(anna, device)
    assert [node.attrs["participant"] for node in again] == ([device] if answered else [])
    assert len(acks(anna)) == 1


def test_a_number_is_a_member_by_the_lid_that_the_metadata_tells(anna):
    anna.server.use_lid = False
    forget(anna, cache=True, readers=True)
    for space in ("lid_of_pn", "pn_of_lid"):
        anna.session._core.state.spaces[space] = {}
    assert lid_map.lid_of(anna.session._core.state, pn(BUDI)) is None
    assert len(ask_again(anna, pn(BUDI))) == 1


def test_a_member_added_since_gets_the_message(anna):
    anna.server.groups[GROUP].members.append(CITRA)
    joined = Node("add", {}, (Node("participant", {"jid": lid(CITRA).without_device}),))
    anna.connection.send(Node("notification", {"type": "w:gp2", "id": "n", "from": GROUP}, (joined,)))
    anna.server.run()
    assert len(ask_again(anna, lid(CITRA))) == 1


def test_a_member_who_left_does_not_get_it_any_more(anna):
    anna.server.groups[GROUP].members.remove(BUDI)
    left = Node("remove", {}, (Node("participant", {"jid": lid(BUDI).without_device}),))
    anna.connection.send(Node("notification", {"type": "w:gp2", "id": "n", "from": GROUP}, (left,)))
    anna.server.run()
    assert ask_again(anna, lid(BUDI)) == []


def test_a_group_that_cannot_be_asked_about_is_nobodys(anna):
    forget(anna, cache=True, readers=True)
    del anna.server.groups[GROUP]
    assert ask_again(anna, lid(BUDI)) == [] and len(acks(anna)) == 1


def test_a_request_is_not_confirmed_before_it_is_decided(anna):
    forget(anna, cache=True, readers=True)
    anna.connection.answers["w:g2"] = lambda node: None
    assert ask_again(anna, lid(BUDI)) == [] and acks(anna) == []
    anna.close()
    anna.open()
    assert len(ask_again(anna, lid(BUDI))) == 1 and len(acks(anna)) == 1
