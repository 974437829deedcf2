"""Questions of devices and their answers, stanza by stanza, as other clients than ours ask them."""

import pytest

from simulator.whatsapp.accounts import Spot
from tests.simulator_whatsapp.asking import ask, device, error_of, take
from tests.simulator_whatsapp.driving import BUDI, SITI, World
from whatsapp import wire_pb2 as wire
from whatsapp import xeddsa
from whatsapp.jid import SERVER
from whatsapp.nodes import Node
from whatsapp.phash import participant_hash


def test_a_namespace_that_nobody_knows_gets_an_empty_result(world: World) -> None:
    answer = ask(world, device(world), "w:something", "get", (Node("anything"),))
    assert (answer.attrs["type"], answer.content) == ("result", None)


def test_an_answer_of_a_device_is_not_answered(world: World) -> None:
    assert take(world, device(world), Node("iq", {"type": "result", "id": "1", "to": SERVER})) == []


def test_properties_privacy_and_media_hosts(world: World) -> None:
    spot = device(world)
    assert ask(world, spot, "abt", "get", (Node("props", {"protocol": "1"}),)).need("props").children
    categories = ask(world, spot, "privacy", "get", (Node("privacy"),)).need("privacy")
    assert categories.need("category").attrs["name"] == "readreceipts"
    media = ask(world, spot, "w:m", "set", (Node("media_conn"),)).need("media_conn")
    assert media.need("host").attrs["hostname"] == "mmg.invalid"
    assert media.text_attr("auth")
    assert error_of(ask(world, spot, "w:profile:picture", "get", (Node("picture"),), SERVER)) == "404"


def test_the_block_list_keeps_what_is_put_on_it(world: World) -> None:
    spot = device(world)
    siti = world.person(SITI).account
    item = Node("item", {"action": "block", "jid": siti.lid_jid()})
    ask(world, spot, "blocklist", "set", (item,))
    world.restart_server()
    spot = Spot(world.person(BUDI).account, world.person(BUDI).account.devices[1])
    listed = ask(world, spot, "blocklist", "get").need("list")
    assert [one.attrs["jid"] for one in listed.all("item")] == [siti.lid_jid()]
    ask(world, spot, "blocklist", "set", (Node("item", {"action": "unblock", "jid": siti.pn_jid()}),))
    assert ask(world, spot, "blocklist", "get").need("list").children == ()


def test_a_text_about_oneself_is_seen_by_others(world: World) -> None:
    spot = device(world)
    ask(world, spot, "status", "set", (Node("status", {}, b"busy"),))
    asked = usync(Node("user", {"jid": spot.account.pn_jid()}), "status")
    answer = ask(world, spot, "usync", "get", (asked,))
    assert answer.need("usync", "list", "user", "status").text == "busy"


def usync(user: Node, *what: str) -> Node:
    query, listed = Node("query", {}, tuple(Node(one) for one in what)), Node("list", {}, (user,))
    return Node("usync", {"sid": "1", "mode": "query", "context": "message"}, (query, listed))


def test_a_device_list_is_signed_and_companions_have_a_key_index(world: World) -> None:
    spot = device(world)
    user = Node("user", {"jid": spot.account.lid_jid()})
    found = ask(world, spot, "usync", "get", (usync(user, "devices", "lid"),)).need("usync", "list", "user")
    listed = found.need("devices", "device-list").children
    assert [(one.attrs["id"], one.attrs.get("key-index")) for one in listed] == [("0", None), ("1", "1")]
    signed = wire.AdvSignedKeyIndexList.FromString(found.need("devices", "key-index-list").data)
    phone = world.person(BUDI).handset.phone.identity.keys.public
    assert xeddsa.verify(phone, b"\x06\x02" + signed.details, signed.account_signature)
    details = wire.AdvKeyIndexList.FromString(signed.details)
    assert (details.current_index, list(details.valid_indexes)) == (1, [0, 1])
    assert found.need("lid").attrs["val"] == spot.account.lid_jid()


def test_a_digest_of_the_keys_that_the_server_holds(world: World) -> None:
    spot = device(world)
    digest = ask(world, spot, "encrypt", "get", (Node("digest"),)).need("digest")
    assert len(digest.need("list").children) == 20
    assert digest.need("identity").data == spot.device.bundle.identity_key


def test_bundles_of_devices_that_are_there_and_that_are_not(world: World) -> None:
    spot = device(world)
    asked = (Node("user", {"jid": spot.account.pn_jid(7)}), Node("user", {"jid": spot.account.pn_jid()}))
    users = ask(world, spot, "encrypt", "get", (Node("key", {}, asked),)).need("list").children
    assert users[0].need("error").attrs["code"] == "404"
    assert users[1].find("key") is not None


@pytest.mark.parametrize("content", [(), (Node("rotate"),), (Node("list", {}, (Node("key"),)),)])
def test_an_upload_that_is_none_is_refused_and_noted(content: tuple[Node, ...]) -> None:
    world = World()
    assert error_of(ask(world, device(world), "encrypt", "set", content)) == "400"
    assert len(world.server.core.observed.complaints) == (1 if content else 0)


def test_a_token_for_a_contact_reaches_the_contact(world: World) -> None:
    client = world.linked(SITI)
    spot = device(world)
    siti = world.person(SITI).account
    token = Node("token", {"jid": siti.lid_jid(), "t": "1800000000", "type": "trusted_contact"})
    ask(world, spot, "privacy", "set", (Node("tokens", {}, (token,)),))
    client.send(BUDI, "with token")
    sent = [seen.node for seen in world.server.core.observed.seen if seen.node.tag == "message"]
    given = next(node for node in sent if node.find("participants") is not None).find("tctoken")
    assert given is not None and given.data == siti.tokens[spot.account.lid]


def state(name: str, version: int, patch: bytes | None = None) -> tuple[Node, ...]:
    children = None if patch is None else (Node("patch", {}, patch),)
    return (Node("sync", {}, (Node.make("collection", children, name=name, version=version),)),)


def test_patches_of_the_app_state_are_numbered_kept_and_announced(world: World) -> None:
    spot = device(world)
    other = device(world)
    empty = ask(world, spot, "w:sync:app:state", "set", state("regular", 0)).need("sync", "collection")
    assert (empty.attrs["version"], empty.content) == ("0", None)
    for number in range(300):
        ask(world, spot, "w:sync:app:state", "set", state("regular", number, b"\x12\x01x"))
    seen = [one for one in world.server.core.observed.seen if one.outward]
    told = [one for one in seen if one.node.attrs.get("type") == "server_sync"]
    assert [(one.who, len(told)) for one in told[:1]] == [(other.key, 300)]
    world.restart_server()
    account = world.person(BUDI).account
    spot = Spot(account, account.devices[1])
    found = ask(world, spot, "w:sync:app:state", "set", state("regular", 298)).need("sync", "collection")
    assert found.attrs["version"] == "300"
    # Field 1 of a patch holds its version: the server's part.
    patches = [patch.data for patch in found.need("patches").children]
    assert patches == [b"\x0a\x03\x08\xab\x02\x12\x01x", b"\x0a\x03\x08\xac\x02\x12\x01x"]


def test_a_patch_on_an_old_version_is_a_conflict(world: World) -> None:
    spot = device(world)
    ask(world, spot, "w:sync:app:state", "set", state("regular", 0, b"one"))
    late = ask(world, spot, "w:sync:app:state", "set", state("regular", 0, b"two")).need("sync", "collection")
    assert late.need("error").attrs["code"] == "409"


def test_presence_of_a_contact(world: World) -> None:
    watcher = world.linked(SITI)
    account = world.person(SITI).account
    spot = device(world)
    subscription = {"type": "subscribe", "to": spot.account.lid_jid()}
    take(world, Spot(account, account.devices[1]), Node("presence", subscription))
    take(world, spot, Node("presence", {"type": "available", "name": "Budi S."}))
    take(world, spot, Node("presence", {"type": "unavailable"}))
    told = [one["status"] for one in watcher.told("presence.changed")]
    assert told == ["unavailable", "available", "unavailable"]
    assert spot.account.name == "Budi S."


def test_an_old_device_list_is_told_in_the_ack(world: World) -> None:
    """The hash over the true list comes with the ack when the sender left devices out (protocol §12.8)."""
    spot = device(world)
    device(world, SITI)
    siti = world.person(SITI).account
    enc = Node("enc", {"v": "2", "type": "msg"}, b"x" * 40)
    participants = Node("participants", {}, (Node("to", {"jid": siti.lid_jid()}, (enc,)),))
    (ack,) = take(
        world, spot, Node("message", {"id": "A", "to": siti.lid_jid(), "type": "text"}, (participants,))
    )
    everyone = [one.lid_jid(number) for one in (siti, spot.account) for number in (0, 1)]
    assert ack.attrs["phash"] == participant_hash(everyone)


@pytest.mark.parametrize(
    ("children", "error"),
    [((), "479"), ((Node("enc", {"v": "2", "type": "pkmsg"}, b"x" * 40),), "479")],
    ids=["nothing encrypted", "pkmsg without identity"],
)
def test_a_message_that_breaks_the_rules_is_refused_and_noted(children: tuple[Node, ...], error: str) -> None:
    world = World()
    spot = device(world)
    to = world.person(SITI).account.lid_jid()
    (ack,) = take(world, spot, Node("message", {"id": "A", "to": to, "type": "text"}, children))
    assert ack.attrs["error"] == error
    assert len(world.server.core.observed.complaints) == 1


def test_a_stanza_without_what_it_needs_ends_the_connection() -> None:
    world = World()
    client = world.linked(BUDI)
    assert client.link is not None
    world.server._take(world.server.core.links[client.link], Node("message", {"to": SERVER}))
    world.run()
    assert client.failures[-1].status == 500
    assert "message" in world.server.core.observed.complaints[0]


def test_a_call_rings_at_every_device_of_the_other_side(world: World) -> None:
    spot = device(world)
    client = world.linked(SITI)
    creator = {"call-id": "C1", "call-creator": spot.account.lid_jid(1)}
    to = world.person(SITI).account.lid_jid()
    call = Node("call", {"id": "1", "to": to}, (Node("offer", creator),))
    (ack,) = take(world, spot, call)
    assert ack.attrs["class"] == "call"
    assert client.told("call.offered")[0]["id"] == "C1"
    assert any(entry["kind"] == "call" for entry in world.person(SITI).inbox())
