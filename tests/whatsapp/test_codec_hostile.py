"""What a decoder meets that no encoder writes: bombs, cut and damaged nodes, arbitrary bytes."""

import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import decoder
from whatsapp.decoder import decode
from whatsapp.encoder import encode
from whatsapp.errors import LocalProtocolError, NodeError, RemoteProtocolError
from whatsapp.nodes import Node


def nested(depth: int) -> Node:
    node = Node("n")
    for _ in range(depth):
        node = Node("n", {}, (node,))
    return node


def test_depth_is_limited_on_both_sides():
    assert decode(encode(nested(64))) == nested(64)
    with pytest.raises(LocalProtocolError):
        encode(nested(65))
    deep = b"\x00" + b"\xf8\x02\x13\xf8\x01" * 2000 + b"\xf8\x01\x13"
    with pytest.raises(NodeError, match="levels"):
        decode(deep)


def test_the_number_of_nodes_and_attributes_is_limited(monkeypatch):
    monkeypatch.setattr(decoder, "MAX_ITEMS", 100)
    children = (Node("i"),) * 98
    assert len(decode(encode(Node("l", {}, children))).children) == 98
    for too_many in (Node("l", {}, (*children, Node("i"))), Node("l", {str(n): "v" for n in range(100)})):
        with pytest.raises(NodeError, match="nodes and attributes"):
            decode(encode(too_many))


def test_a_bomb_is_not_inflated():
    bomb = b"\x02" + zlib.compress(bytes(1 << 25))
    with pytest.raises(NodeError, match="inflate to more"):
        decode(bomb)


HOSTILE = {
    "empty frame": "",
    "flag only": "00",
    "a list of nothing": "0000",
    "not a list": "00fc0161",
    "tag missing": "00f801",
    "empty tag": "00f80100",
    "empty binary tag": "00f801fc00",
    "node as tag": "00f801f8",
    "bytes behind": "00f8011300",
    "list cut": "00f9ff",
    "children cut": "00f80213f803f80113",
    "token that does not exist": "00f801f0",
    "dictionary index missing": "00f801ec",
    "binary cut": "00f80213fc05616263",
    "binary of 4 GiB": "00f80213feffffffff",
    "binary of 1 MiB": "00f80213fdffffff",
    "attribute not UTF-8": "00f80313fc0161fc02fffe",
    "attribute name as address": "00f80313fafc01310313",
    "packed digit 12": "00f80313fc0161ff011c",
    "packed digit 15 inside": "00f80313fc0161ff01f1",
    "packed without its padding": "00f80313fc0161ff8111",
    "packed cut": "00f80313fc0161ff05",
    "unknown domain": "00f80313fc0161f70201ff0111",
    "address without a server": "00f80313fc0161fa0000",
    "address cut": "00f80313fc0161f700",
    "compressed nonsense": "02abcdef",
    "compressed cut": "02" + zlib.compress(b"\xf8\x01\x13").hex()[:-4],
    "compressed with more behind": "02" + zlib.compress(b"\xf8\x01\x13").hex() + "00",
    "compressed nothing": "02" + zlib.compress(b"").hex(),
    "address of 101 characters": "00f80313fc0161fafc65" + "78" * 101 + "03",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_a_node_error(data):
    with pytest.raises(NodeError):
        decode(bytes.fromhex(data))


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda body: b"\x00\xf8\x04\x13" + body))
def test_arbitrary_bytes_raise_only_node_errors(data):
    try:
        node = decode(data)
    except NodeError:
        return
    assert encode(node)


TELLING_BYTES = (0, 236, 245, 246, 247, 248, 249, 250, 251, 252, 253, 255)


def test_damaged_real_nodes_raise_only_remote_errors(vectors):
    """Mutations of real stanzas reach deeper than random bytes; seeded, so a failure repeats."""
    chance = random.Random(20261123)
    originals = [bytes.fromhex(vector["encoded_hex"]) for vector in vectors["nodes"]]
    outcomes = {True: 0, False: 0}
    for _ in range(4000):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.choice(TELLING_BYTES)
        del data[chance.randint(1, 2 * len(data)) :]
        try:
            decode(bytes(data))
            outcomes[True] += 1
        except RemoteProtocolError:
            outcomes[False] += 1
    assert min(outcomes.values()) > 100
