"""Dictionary, encoder and decoder: vectors, round trips, how lengths and packed text are written."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import decoder, encoder, tokens
from whatsapp.decoder import decode
from whatsapp.encoder import compress, encode
from whatsapp.errors import LocalProtocolError
from whatsapp.jid import SERVER, Jid
from whatsapp.nodes import Node

relaxed = settings(deadline=None, max_examples=200)
SOME_TOKENS = [
    tokens.SINGLE[1],
    tokens.SINGLE[-1],
    tokens.DOUBLE[0][0],
    tokens.DOUBLE[3][255],
    "s.whatsapp.net",
]

texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(SOME_TOKENS),
    st.text("0123456789.-", max_size=130),
    st.text("0123456789ABCDEF", max_size=130),
)
users = st.text("0123456789-", max_size=20)
jids = st.one_of(
    st.builds(
        Jid, users, st.sampled_from(["s.whatsapp.net", "lid", "hosted", "hosted.lid"]), st.integers(0, 255)
    ),
    st.builds(Jid, users, st.sampled_from(["g.us", "broadcast", "newsletter", "bot", "c.us"])),
    st.builds(Jid, users, st.just("msgr"), st.integers(0, 65535)),
    st.builds(Jid, users, st.just("interop"), st.integers(0, 65535), st.integers(0, 65535)),
)
attrs = st.dictionaries(texts, texts | jids, max_size=4)
tags = texts.filter(bool)


leaves = st.builds(Node, tags, attrs, st.none() | st.binary(max_size=300) | st.sampled_from(SOME_TOKENS))
nodes = st.recursive(
    leaves, lambda inner: st.builds(Node, tags, attrs, st.lists(inner, max_size=4).map(tuple)), max_leaves=12
)


def from_vector(described: dict) -> Node:
    content = None
    if "children" in described:
        content = tuple(from_vector(child) for child in described["children"])
    elif "bytes_hex" in described:
        content = bytes.fromhex(described["bytes_hex"])
    return Node(described["tag"], dict(described["attrs"].items()), content)


def as_texts(node: Node) -> Node:
    content = tuple(map(as_texts, node.content)) if isinstance(node.content, tuple) else node.content
    return Node(node.tag, {name: str(value) for name, value in node.attrs.items()}, content)


@pytest.mark.parametrize("index", range(11))
def test_the_vectors_decode_and_encode_to_the_same_bytes(vectors, index):
    vector = vectors["nodes"][index]
    node = decode(bytes.fromhex(vector["encoded_hex"]))
    assert as_texts(node) == from_vector(vector["decoded"])
    assert encode(node).hex() == vector["encoded_hex"]


def test_the_compressed_vector(vectors):
    vector = vectors["compressed"]
    plain = bytes.fromhex(vectors["nodes"][vector["same_node_as_index"]]["encoded_hex"])
    assert decode(bytes.fromhex(vector["encoded_hex"])) == decode(plain) == decode(compress(plain))


@relaxed
@given(nodes)
def test_nodes_come_back_as_they_were(node):
    assert decode(encode(node)) == node
    assert decode(compress(encode(node))) == node


@relaxed
@given(texts)
def test_text_content_comes_back_as_text_or_its_bytes(text):
    assert decode(encode(Node("t", {}, text))).text == text


def test_the_dictionary_has_the_published_checksum():
    assert tokens.checksum(tokens.SINGLE, tokens.DOUBLE) == tokens.TOKENS_SHA256
    assert [len(tokens.SINGLE), *map(len, tokens.DOUBLE)] == [236, 256, 256, 256, 256]
    assert len(tokens.ENCODED) == 1259


def test_every_token_is_written_by_its_index():
    for text, expected in [
        ("xmlstreamstart", b"\x01"),
        ("read-self", b"\xec\x00"),
        (tokens.DOUBLE[3][255], b"\xef\xff"),
    ]:
        assert encode(Node(text)) == b"\x00\xf8\x01" + expected


@pytest.mark.parametrize(
    ("length", "header"),
    [(0, "fc00"), (255, "fcff"), (256, "fd000100"), ((1 << 20) - 1, "fd0fffff"), (1 << 20, "fe00100000")],
)
def test_lengths_choose_the_shortest_header(length, header):
    encoded = encode(Node("t", {}, bytes(length)))
    assert encoded[4:].startswith(bytes.fromhex(header))
    assert decode(encoded).content == bytes(length)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 65535])
def test_lists_of_any_size(count):
    node = Node("list", {}, (Node("item"),) * count)
    assert decode(encode(node)) == node


@pytest.mark.parametrize(
    ("text", "encoded"),
    [("1" * 127, "ffc0"), ("1" * 128, "fc80"), ("A" * 127, "fbc0"), ("A" * 128, "fc80"), ("-.", "ff01ab")],
    ids=["127 digits", "128 digits", "127 hex", "128 hex", "punctuation"],
)
def test_packing_ends_at_127_characters(text, encoded):
    assert encode(Node("t", {"k": text}))[4 + len(b"\xfc\x01k") :].hex().startswith(encoded)


def test_the_server_is_a_pair_with_an_empty_user():
    assert encode(Node("t", {"to": SERVER}))[-3:].hex() == "fa0003"


@pytest.mark.parametrize(
    "node",
    [
        pytest.param(Node(""), id="no tag"),
        pytest.param(Node("t", {"to": Jid("1", "lid", 256)}), id="device beyond a byte"),
        pytest.param(Node("t", {"k": "\ud800"}), id="lone surrogate"),
        pytest.param(Node("t", {}, (Node("i"),) * 65536), id="list too long"),
    ],
)
def test_nodes_without_an_encoding_are_our_own_error(node):
    with pytest.raises(LocalProtocolError):
        encode(node)


def test_the_committed_dictionary_names_source_and_licence():
    folder = Path(tokens.__file__).parent
    assert "baileys@7.0.0-rc14" in (folder / "tokens.json").read_text()
    assert "MIT License" in (folder / "tokens.LICENSE.txt").read_text()


def test_flags_are_where_the_peers_expect_them():
    assert encoder.PLAIN_FLAG == b"\0" and encoder.COMPRESSED_FLAG[0] & decoder.COMPRESSED
