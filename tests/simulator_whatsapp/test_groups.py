"""Groups: who reads what is written to them, and who may change them."""

import pytest

from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.knobs import Faults
from tests.simulator_whatsapp.asking import ask, device, error_of
from tests.simulator_whatsapp.client import Client
from tests.simulator_whatsapp.driving import AGUS, BUDI, SITI, World
from whatsapp.jid import Jid
from whatsapp.nodes import Node


def trio(world: World, by_lid: bool) -> tuple[Client, Client, Client, str]:
    clients = [world.linked(number) for number in (BUDI, SITI, AGUS)]
    group = world.act(lambda: world.person(BUDI).create_group("Warung", [SITI, AGUS], by_lid))
    return clients[0], clients[1], clients[2], group


@pytest.mark.parametrize("by_lid", [True, False], ids=["by LID", "by number"])
def test_a_group_is_told_of_its_making_and_everybody_reads_everybody(world: World, by_lid: bool) -> None:
    budi, siti, agus, group = trio(world, by_lid)
    assert siti.told("group.changed")[0]["group"] == group
    budi.send(group, "from Budi")
    siti.send(group, "from Siti")
    world.act(lambda: world.person(AGUS).send_text(group, "from the phone of Agus"))
    assert budi.texts() == ["from Siti", "from the phone of Agus"]
    assert siti.texts() == ["from Budi", "from the phone of Agus"]
    assert agus.texts() == ["from Budi", "from Siti"]
    assert agus.copies() == ["from the phone of Agus"]
    assert world.person(SITI).texts() == ["from Budi", "from the phone of Agus"]
    assert world.person(BUDI).texts() == ["from Siti", "from the phone of Agus"]


def test_a_damaged_group_message_is_asked_for_again(world: World) -> None:
    budi, siti, _agus, group = trio(world, True)
    budi.send(group, "one")
    world.server.parts.knobs.by_device[f"{SITI}:1"] = Faults(corrupt=1)
    budi.send(group, "two")
    assert siti.texts() == ["one", "two"]


def test_a_group_message_that_a_phone_cannot_read_comes_again(world: World) -> None:
    budi, _siti, _agus, group = trio(world, True)
    world.person(SITI).handset.habits.refuses = 1
    budi.send(group, "one")
    assert world.person(SITI).texts() == ["one"]


def test_who_left_reads_no_more(world: World) -> None:
    budi, siti, agus, group = trio(world, True)
    budi.send(group, "one")
    world.act(lambda: world.person(BUDI).change_group(group, "remove", [AGUS]))
    budi.send(group, "two")
    world.act(lambda: world.person(BUDI).change_group(group, "add", [AGUS]))
    budi.send(group, "three")
    assert siti.texts() == ["one", "two", "three"]
    assert agus.texts() == ["one", "three"]


def test_a_group_as_its_members_see_it(world: World) -> None:
    budi, _siti, _agus, group = trio(world, True)
    shown = budi.invoke("group", group=group).data
    assert shown["subject"] == "Warung"
    assert {one["jid"] for one in shown["participants"]} == {
        str(world.person(number).account.lid_jid()) for number in (BUDI, SITI, AGUS)
    }
    assert [one["jid"] for one in budi.invoke("groups").data["groups"]] == [group]


def test_a_group_that_one_is_not_in_is_closed(world: World) -> None:
    *_, group = trio(world, True)
    stranger = world.linked("6281234567809")
    assert stranger.invoke("group", group=group).error is not None
    reply = stranger.reply(stranger.ask(group, "halo"))
    assert reply is not None and reply.error is not None


def group_of(world: World, spot: Spot) -> Jid:
    members = tuple(Node("participant", {"jid": world.person(one).account.lid_jid()}) for one in (SITI, AGUS))
    create = Node("create", {"subject": "Warung", "key": "1"}, members)
    made = ask(world, spot, "w:g2", "set", (create,), Jid("", "g.us")).need("group")
    return Jid(made.text_attr("id"), "g.us")


def test_a_group_is_made_and_changed_by_its_admin(world: World) -> None:
    spot = device(world)
    group = group_of(world, spot)
    agus = Node("participant", {"jid": world.person(AGUS).account.pn_jid()})
    for change in (
        Node("subject", {}, b"Toko"),
        Node("description", {"id": "1"}, (Node("body", {}, b"about"),)),
        Node("announcement"),
        Node("locked"),
        Node("promote", {}, (agus,)),
    ):
        assert ask(world, spot, "w:g2", "set", (change,), group).attrs["type"] == "result"
    world.restart_server()
    account = world.person(BUDI).account
    spot = Spot(account, account.devices[1])
    query = (Node("query", {"request": "interactive"}),)
    shown = ask(world, spot, "w:g2", "get", query, group).need("group")
    assert shown.attrs["subject"] == "Toko"
    assert shown.need("description", "body").data == b"about"
    assert shown.find("announcement") is not None and shown.find("locked") is not None
    roles = {one.jid_attr("jid").user: one.attrs.get("type") for one in shown.all("participant")}
    assert roles[account.lid] == "superadmin"
    assert roles[world.person(AGUS).account.lid] == "admin"


def test_members_who_are_no_admins_change_nothing_but_may_leave(world: World) -> None:
    group = group_of(world, device(world))
    spot = device(world, SITI)
    agus = Node("participant", {"jid": world.person(AGUS).account.lid_jid()})
    assert error_of(ask(world, spot, "w:g2", "set", (Node("remove", {}, (agus,)),), group)) == "403"
    assert error_of(ask(world, spot, "w:g2", "set", (Node("locked"),), group)) == "403"
    assert ask(world, spot, "w:g2", "set", (Node("leave"),), group).attrs["type"] == "result"
    assert sorted(world.server.core.groups[group].members) == [BUDI, AGUS]
    assert error_of(ask(world, spot, "w:g2", "get", (Node("query"),), group)) == "403"
    assert error_of(ask(world, spot, "w:g2", "get", (Node("query"),), Jid("1", "g.us"))) == "404"


def test_only_admins_write_in_an_announcement_group(world: World) -> None:
    spot = device(world)
    group = group_of(world, spot)
    ask(world, spot, "w:g2", "set", (Node("announcement"),), group)
    client = world.linked(SITI)
    reply = client.reply(client.ask(str(group), "halo"))
    assert reply is not None and reply.error is not None and "403" in reply.error


def test_a_group_is_left_as_other_clients_leave_it(world: World) -> None:
    group = group_of(world, device(world))
    spot = device(world, SITI)
    leave = Node("leave", {}, (Node("group", {"id": group}),))
    assert ask(world, spot, "w:g2", "set", (leave,), Jid("", "g.us")).attrs["type"] == "result"
    assert sorted(world.server.core.groups[group].members) == [BUDI, AGUS]
