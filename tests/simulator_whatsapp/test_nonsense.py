"""Stanzas and bytes that no client sends: noted, answered or the end of that one connection, and nothing worse."""

import random
from dataclasses import replace

import pytest

from tests.simulator_whatsapp.client import Client
from tests.simulator_whatsapp.driving import BUDI, SITI, World
from whatsapp import wire_pb2 as wire
from whatsapp.channel import ClientChannel
from whatsapp.errors import ProtocolError
from whatsapp.jid import Jid
from whatsapp.keys import KeyPair
from whatsapp.nodes import Attribute, Content, Node
from whatsapp.session_settings import SessionSettings

ODD: tuple[Attribute, ...] = (
    "",
    "x",
    "-1",
    "99999999999999999999999",
    Jid("", "g.us"),
    Jid("5", "lid", 65535),
)


def spoiled(node: Node, dice: random.Random) -> Node:
    """The node with one thing wrong, somewhere inside."""
    if node.children and dice.random() < 0.6:
        children = list(node.children)
        index = dice.randrange(len(children))
        if dice.random() < 0.3:
            del children[index]
        else:
            children[index] = spoiled(children[index], dice)
        return replace(node, content=tuple(children))
    attrs, content = dict(node.attrs), node.content
    if attrs and dice.random() < 0.7:
        name = dice.choice(sorted(attrs))
        if dice.random() < 0.4:
            del attrs[name]
        else:
            attrs[name] = dice.choice(ODD)
    else:
        contents: tuple[Content, ...] = (None, b"", b"\x00" * 40, dice.randbytes(33), (Node("x"),))
        content = dice.choice(contents)
    return Node(node.tag, attrs, content)


@pytest.mark.parametrize("seed", range(4))
def test_spoiled_stanzas_harm_nobody_else(seed: int) -> None:
    world = World(seed=seed)
    one, other = world.linked(BUDI), world.linked(SITI)
    group = world.act(lambda: world.person(BUDI).create_group("Warung", [SITI]))
    one.send(SITI, "a")
    other.send(BUDI, "b")
    one.send(group, "c")
    one.invoke("group", group=group)
    one.invoke("on_whatsapp", phones=[SITI])
    samples = [seen.node for seen in world.server.core.observed.seen if not seen.outward]
    dice = random.Random(seed)
    taken = 0
    for _ in range(600):
        if one.link is None:
            one.open()
        if one.link is None or not one.session.online:
            break
        link = world.server.core.links[one.link]
        world.server._take(link, spoiled(dice.choice(samples), dice))
        world.server.tick()
        world.run()
        taken += 1
    assert taken > 100
    witness = world.linked("6281234567899")
    witness.send("6281234567898", "still here") if world.person("6281234567898") else None
    assert world.person("6281234567898").texts() == ["still here"]


def test_bytes_that_are_no_handshake_end_the_connection(world: World) -> None:
    for number, data in enumerate(
        (b"GET / HTTP/1.1\r\n\r\n", b"WA\x06\x03\x00\x00\x05hello", b"WA\x06\x02"), 900
    ):
        world.server.opened(number)
        world.server.received(number, data)
        assert world.server.drain()[-1].link == number  # type: ignore[union-attr]
        world.server.closed(number)
    assert len(world.server.core.observed.complaints) == 3
    world.server.core.observed.complaints.clear()


def payload_refused(world: World, payload: bytes) -> None:
    number = 950
    channel = ClientChannel(KeyPair.generate(world.rng), payload, world.rng, root_key=world.server.root_key)
    world.server.opened(number)
    world.server.received(number, channel.start())
    reply = world.server.drain()[-1]
    world.server.received(number, channel.receive(reply.data, world.now_s).reply)  # type: ignore[union-attr]
    world.server.closed(number)


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff\xff",
        wire.ClientPayload(
            device_pairing_data=wire.ClientPayload.DevicePairingData(e_ident=b"short")
        ).SerializeToString(),
        wire.ClientPayload(username=6281234567801, device=2**32 - 1).SerializeToString(),
        wire.ClientPayload(
            device_pairing_data=wire.ClientPayload.DevicePairingData(
                e_ident=bytes(32), e_skey_val=bytes(32), device_props=b"\xff"
            )
        ).SerializeToString(),
    ],
    ids=["no payload", "short keys", "large device", "no properties"],
)
def test_a_client_payload_that_cannot_be_is_noted(payload: bytes) -> None:
    world = World()
    payload_refused(world, payload)
    assert world.server.core.observed.complaints


def test_a_frame_that_does_not_decrypt_ends_only_its_connection() -> None:
    world = World()
    one, other = world.linked(BUDI), world.linked(SITI)
    assert one.link is not None
    world.server.received(one.link, b"\x00\x00\x20" + bytes(32))
    world.run()
    assert not one.session.online and other.session.online
    one.open()
    one.send(SITI, "halo")
    assert other.texts() == ["halo"]


def test_a_device_that_publishes_forged_keys_is_not_written_to_by_phones() -> None:
    world = World()
    world.linked(SITI)
    device = world.person(SITI).account.devices[1]
    device.bundle = replace(device.bundle, signature=bytes(64))
    world.act(lambda: world.person(BUDI).send_text(SITI, "halo"))
    assert world.person(SITI).texts() == ["halo"]
    assert any("encrypted to" in one for one in world.server.core.observed.complaints)


def test_somebody_blocked_is_not_heard_and_does_not_notice(world: World) -> None:
    client = world.linked(BUDI)
    world.person(SITI).account.blocked.add(BUDI)
    assert client.send(SITI, "halo")
    assert world.person(SITI).texts() == []


def test_the_client_that_cannot_be_scanned_is_left_alone(world: World) -> None:
    client = Client(world, SessionSettings())
    client.open()
    with pytest.raises((ValueError, ProtocolError)):
        world.person(BUDI).scan("2@nothing")
    assert client.link is not None
