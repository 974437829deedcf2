"""Hostile servers and hostile friends: whatever arrives, no exception leaves the session, and it goes on or ends."""

import copy
import json
import pickle
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.effects import Emit, Reply
from tests.whatsapp.hostile_nodes import nodes
from tests.whatsapp.scripted_client import Client, linked
from tests.whatsapp.scripted_connection import Unwritable
from tests.whatsapp.scripted_server import Group, Server
from tests.whatsapp.talking import ANNA, BUDI, CITRA, GROUP, content
from whatsapp import lid_map, padding
from whatsapp.jid import SERVER, Jid
from whatsapp.nodes import Node

fuzz = settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.function_scoped_fixture,
        HealthCheck.differing_executors,
    ],
)
MAX_EVENT_BYTES = 1 << 16
CONTENTS = {"message.received", "message.edited", "message.reaction", "message.deleted", "message.poll_vote"}


@pytest.fixture(scope="module")
def frozen() -> bytes:
    """A server with three linked accounts and a group, where everybody talked to Anna already."""
    server = Server()
    clients = [linked(server, phone) for phone in (ANNA, BUDI, CITRA)]
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI, CITRA])
    for number, client in enumerate(clients):
        client.send(f"g{number}", content(str(GROUP), "halo grup"))
    clients[0].send("d", content(BUDI))
    clients[1].send("d", content(ANNA))
    for client in clients:
        client.close()
    rows = [list(client.stored.rows()) for client in clients]
    devices = [(str(one.jid), one.noise, one.upload) for one in server.devices.values()]
    return pickle.dumps((rows, devices))


def thaw(frozen: bytes) -> list[Client]:
    """The same, alive: a fresh server and fresh processes, logged in."""
    rows, devices = pickle.loads(frozen)
    server = Server()
    for text, noise, upload in devices:
        jid = Jid.parse(text)
        device = server.add(jid.user, jid.device)
        device.noise, device.upload = noise, upload
    server.groups[GROUP] = Group(GROUP, [ANNA, BUDI, CITRA])
    clients = []
    for number, stored in enumerate(rows):
        client = Client(server, number + 1, auto_restart=False)
        client.stored.spaces.clear()
        for space, key, value in stored:
            client.stored.spaces.setdefault(space, {})[key] = value
        client.start_process()
        client.open()
        assert client.session.online
        clients.append(client)
    return clients


def check(client: Client) -> None:
    """What came out can be stored and told and is small; afterwards the session works, or it said why not."""
    for event in client.events:
        size = len(json.dumps(event.data, allow_nan=False))
        assert event.kind in CONTENTS or size <= MAX_EVENT_BYTES, event.kind
    if client.failure is None:
        before = len(client.replies)
        client.send("alive", content(BUDI, "masih hidup"))
        client.pass_time(300)
        assert len(client.replies) > before and client.replies[-1].ref == "alive"


@fuzz
@given(hostile=st.lists(nodes, min_size=1, max_size=6))
def test_no_stanza_gets_an_exception_out(frozen, hostile):
    anna, *_ = thaw(frozen)
    for node in hostile:
        if anna.connection is None:
            break
        try:
            anna.connection.send(node)
        except Unwritable:
            continue
        anna.server.run()
    check(anna)


@fuzz
@given(answer=nodes, which=st.sampled_from(["encrypt", "usync", "w:g2", "passive", "privacy", "w:p"]))
def test_no_answer_gets_an_exception_out_and_every_command_is_answered(frozen, answer, which):
    anna, *_ = thaw(frozen)
    anna.wall_s += 7200  # the caches are old
    anna.connection.answers[which] = lambda node: answer
    try:
        anna.send("m1", content("6281100099"))
        anna.send("m2", content(str(GROUP)))
        anna.pass_time(400)
    except Unwritable:
        return
    assert {reply.ref for reply in anna.replies} == {"m1", "m2"}


@fuzz
@given(plaintext=st.binary(max_size=200), padded=st.booleans(), group=st.booleans())
def test_no_plaintext_of_a_friend_gets_an_exception_out(frozen, plaintext, padded, group):
    anna, budi, _ = thaw(frozen)
    core = budi.session._core
    whole = padding.pad(plaintext, core.rng) if padded else plaintext
    own = anna.connection.device
    with budi.session._core.state.transaction() as tx:
        address = lid_map.signal_address(tx, own.lid)
        encrypted = core.cipher.encrypt(tx, address, whole)
    enc = Node("enc", {"v": "2", "type": encrypted.type}, encrypted.data)
    sender = budi.connection.device.lid
    source = {"from": GROUP, "participant": sender} if group else {"from": sender}
    anna.connection.send(Node("message", {"id": "F1", "t": "1", "type": "text", **source}, (enc,)))
    anna.server.run()
    answers = [
        node
        for jid, node in anna.server.heard
        if jid == own.jid and node.tag in ("ack", "receipt") and node.optional("id") == "F1"
    ]
    assert answers, "every stanza is answered"
    check(anna)


@fuzz
@given(seed=st.integers(0, 2**32))
def test_damaged_real_stanzas_get_no_exception_out(frozen, seed):
    anna, budi, _ = thaw(frozen)
    chance = random.Random(seed)
    anna.server.spoil = lambda to, node: damage(node, chance)
    try:
        for number in range(3):
            budi.send(f"m{number}", content(ANNA, str(number)))
            budi.send(f"g{number}", content(str(GROUP), str(number)))
    except Unwritable:
        return
    check(anna)


def damage(node: Node, chance: random.Random) -> Node:
    """Lose, double, shorten or change something, anywhere."""
    attrs = dict(node.attrs)
    if attrs and chance.random() < 0.15:
        name = chance.choice(list(attrs))
        if chance.random() < 0.5:
            del attrs[name]
        else:
            attrs[name] = chance.choice(["", "1", "skmsg", "x" * 300, GROUP, SERVER])
    content = node.content
    if isinstance(content, bytes) and content and chance.random() < 0.3:
        place = chance.randrange(len(content))
        content = content[:place] + (b"" if chance.random() < 0.5 else bytes([chance.randrange(256)]))
    elif isinstance(content, tuple):
        children = [damage(child, chance) for child in content]
        if children and chance.random() < 0.2:
            children.append(copy.copy(chance.choice(children)))
        content = tuple(children)
    return Node(node.tag, attrs, content)


@pytest.mark.parametrize("seed", range(4))
def test_traffic_with_crashes_and_losses_is_told_exactly_once(frozen, seed):
    """Random sends between three accounts; connections break, processes crash, stanzas come twice or late."""
    clients = thaw(frozen)
    phones = [ANNA, BUDI, CITRA]
    chance = random.Random(seed)
    server = clients[0].server
    expected: dict[int, list[str]] = {0: [], 1: [], 2: []}
    old: list[tuple[Jid, Node]] = []

    def spoil(to: Jid, node: Node) -> Node:
        old.append((to, node))
        return node

    server.spoil = spoil
    for number in range(60):
        who = chance.randrange(3)
        client = clients[who]
        match chance.randrange(6):
            case 0:
                client.close()
                client.open()
            case 1:
                client.crash()
                client.open()
            case 2 if old:
                to, node = chance.choice(old[-20:])
                server.deliver(server.devices[to], node)
                server.run()
            case _:
                group = chance.random() < 0.4
                other = (who + chance.randrange(1, 3)) % 3
                text = f"t{number}"
                ref = f"ref{number}"
                target = str(GROUP) if group else phones[other]
                client.send(ref, content(target, text))
                if chance.random() < 0.2:
                    client.crash()
                    client.open()
                    client.send(ref, content(target, text))
                for index in [0, 1, 2] if group else [other]:
                    if index != who:
                        expected[index].append(text)
    for client in clients:
        client.close()
        client.open()
    for index, client in enumerate(clients):
        assert sorted(client.texts()) == sorted(expected[index])
        assert client.told("message.undecryptable") == []
        assert all(reply.error is None for reply in client.replies)


def test_events_and_replies_are_plain_data(frozen):
    anna, budi, _ = thaw(frozen)
    anna.send("m", content(BUDI))
    budi.send("m", content(ANNA))
    for effect in [*anna.events, *anna.replies]:
        assert isinstance(effect, Emit | Reply)
        json.dumps(effect.data)
