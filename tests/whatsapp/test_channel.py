"""Whole connections: two channels wired back to back, and a hostile server."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp.certificates import Validity, issue_chain
from whatsapp.channel import ClientChannel, ServerChannel
from whatsapp.encoder import compress, encode
from whatsapp.errors import LocalProtocolError, RemoteProtocolError
from whatsapp.frames import encode_frame
from whatsapp.jid import SERVER
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node

NOW_S = 1_800_000_000.0
PING = Node("iq", {"to": SERVER, "type": "get", "xmlns": "w:p"}, (Node("ping"),))
SUCCESS = Node("success", {"t": "1800000000"})


class Wire:
    def __init__(self, rng, **options):
        root, intermediate, static = (KeyPair.generate(rng) for _ in range(3))
        chain = issue_chain(root, intermediate, static.public, Validity(0, 2_000_000_000), rng)
        self.client_static = KeyPair.generate(rng)
        self.client = ClientChannel(self.client_static, b"payload", rng, root_key=root.public, **options)
        self.server = ServerChannel(static, chain, rng)

    def open(self):
        answer = self.server.receive(self.client.start())
        finish = self.client.receive(answer.reply, NOW_S)
        assert finish.established and self.client.established
        assert self.server.receive(finish.reply).established and self.server.established
        return self


@pytest.fixture
def wire(make_rng):
    return Wire(make_rng(1), routing=b"route").open()


def test_the_server_knows_who_connected_and_how(wire):
    assert wire.server.client is not None
    assert wire.server.client.client_static == wire.client_static.public
    assert wire.server.client.payload == b"payload"
    assert wire.server.routing == b"route"


def test_nodes_flow_both_ways(wire):
    assert wire.server.receive(wire.client.send(PING)).nodes == (PING,)
    assert wire.client.receive(wire.server.send(SUCCESS), NOW_S).nodes == (SUCCESS,)


def test_several_frames_in_one_message_and_one_frame_in_several(wire):
    data = wire.server.send(SUCCESS) + wire.server.send(PING)
    assert wire.client.receive(data[:-1], NOW_S).nodes == (SUCCESS,)
    assert wire.client.receive(data[-1:], NOW_S).nodes == (PING,)


def test_the_first_node_may_come_with_the_finish(make_rng):
    wire = Wire(make_rng(2))
    finish = wire.client.receive(wire.server.receive(wire.client.start()).reply, NOW_S)
    received = wire.server.receive(finish.reply + wire.client.send(PING))
    assert received.established and received.nodes == (PING,)


def test_compressed_nodes_are_read(wire):
    assert wire.client.receive(wire.server.send_plaintext(compress(encode(PING))), NOW_S).nodes == (PING,)


def test_nothing_is_sent_before_the_handshake(make_rng):
    wire = Wire(make_rng(3))
    with pytest.raises(LocalProtocolError):
        wire.client.send(PING)
    with pytest.raises(LocalProtocolError):
        wire.server.send(PING)


def test_after_one_bad_frame_the_connection_is_over(wire):
    good = wire.server.send(SUCCESS)
    with pytest.raises(RemoteProtocolError):
        wire.client.receive(encode_frame(bytes(40)), NOW_S)
    with pytest.raises(LocalProtocolError, match="over"):
        wire.client.receive(good, NOW_S)
    with pytest.raises(LocalProtocolError, match="over"):
        wire.client.send(PING)


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=120), st.booleans())
def test_a_hostile_server_causes_only_remote_errors(make_rng, data, framed):
    client = Wire(make_rng(4)).client
    client.start()
    try:
        client.receive(encode_frame(data) if framed else data, NOW_S)
    except RemoteProtocolError:
        return
    assert not client.established


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=120))
def test_a_hostile_client_causes_only_remote_errors(make_rng, data):
    server = Wire(make_rng(5)).server
    try:
        server.receive(data)
    except RemoteProtocolError:
        return
    assert not server.established


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=60))
def test_authenticated_nonsense_causes_only_remote_errors(make_rng, data):
    wire = Wire(make_rng(6)).open()
    try:
        wire.client.receive(wire.server.send_plaintext(data), NOW_S)
    except RemoteProtocolError:
        return
