"""Our pre-keys in the store, and keys inside stanzas in both directions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import prekeys, xeddsa
from whatsapp.decoder import decode
from whatsapp.encoder import encode
from whatsapp.errors import LocalProtocolError, MissingPreKey, NodeError, RemoteProtocolError
from whatsapp.keys import KeyPair, serialize_public
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import (
    bundle_children,
    parse_bundle,
    parse_upload,
    registration_node,
    retry_children,
    upload_children,
)
from whatsapp.signal_session import LocalIdentity
from whatsapp.state import MemoryState

NOW_S = 1_800_000_000.5


@pytest.fixture
def rng(make_rng):
    return make_rng(1)


@pytest.fixture
def identity(rng):
    return LocalIdentity(KeyPair.generate(rng), 0x01020304)


@pytest.fixture
def state():
    return MemoryState()


@pytest.mark.parametrize(
    ("server_count", "uploaded_before", "expected"),
    [(0, False, 812), (900, False, 812), (5, True, 0), (4, True, 50), (0, True, 50), (812, True, 0)],
)
def test_how_many_keys_to_upload(server_count, uploaded_before, expected):
    assert prekeys.upload_size(server_count, uploaded_before) == expected


def test_the_first_batch_can_be_made_at_once(state, rng):
    with state.transaction() as tx:
        keys = prekeys.batch(tx, prekeys.FIRST_UPLOAD, rng)
    assert [key.id for key in keys] == list(range(1, 813))
    assert state.count(prekeys.PRE_KEYS) == 812
    assert prekeys.one_time(state, 812) == keys[-1]


def test_signed_keys_are_kept_for_messages_on_their_way(state, identity, rng):
    with state.transaction() as tx:
        made = [prekeys.rotate_signed(tx, identity, NOW_S, rng) for _ in range(6)]
    assert prekeys.signed(state) == made[-1]
    assert [prekeys.signed(state, key.id) for key in made[2:]] == made[2:], (
        "the current one and three before it"
    )
    for gone in made[:2]:
        with pytest.raises(MissingPreKey):
            prekeys.signed(state, gone.id)


def test_unconfirmed_keys_are_offered_again(state, rng):
    with state.transaction() as tx:
        first = prekeys.batch(tx, 3, rng)
    with state.transaction() as tx:
        assert prekeys.batch(tx, 2, rng) == first[:2]
        again = prekeys.batch(tx, 5, rng)
        assert again[:3] == first and [key.id for key in again] == [1, 2, 3, 4, 5]
        assert not prekeys.uploaded_before(tx)
        prekeys.confirm_upload(tx, again)
        assert prekeys.uploaded_before(tx)
        assert [key.id for key in prekeys.batch(tx, 2, rng)] == [6, 7]


def test_a_key_for_a_retry_is_never_uploaded(state, rng):
    with state.transaction() as tx:
        prekeys.confirm_upload(tx, prekeys.batch(tx, 2, rng))
        retry = prekeys.fresh(tx, rng)
        assert retry.id == 3
        assert [key.id for key in prekeys.batch(tx, 2, rng)] == [4, 5]
        assert prekeys.one_time(tx, 3) == retry


def test_a_key_for_a_retry_is_not_uploaded_with_unconfirmed_ones_either(state, rng):
    with state.transaction() as tx:
        prekeys.batch(tx, 2, rng)
        assert prekeys.fresh(tx, rng).id == 3
        assert [key.id for key in prekeys.batch(tx, 4, rng)] == [1, 2, 4, 5]


def test_a_used_key_is_missing(state, rng):
    with state.transaction() as tx:
        (key,) = prekeys.batch(tx, 1, rng)
        prekeys.forget(tx, key.id)
        with pytest.raises(MissingPreKey, match="1"):
            prekeys.one_time(tx, key.id)
        assert [key.id for key in prekeys.batch(tx, 1, rng)] == [2]


def test_ids_start_again_after_24_bits(state, rng):
    counters = prekeys.records.PreKeyCounters(next_id=0xFFFFFF, next_upload_id=0xFFFFFF)
    with state.transaction() as tx:
        tx.put(prekeys.COUNTERS, "", counters.SerializeToString())
        assert [key.id for key in prekeys.batch(tx, 3, rng)] == [0xFFFFFF, 1, 2]


@pytest.mark.parametrize("count", [0, 813])
def test_batches_of_other_sizes_are_our_own_error(state, rng, count):
    with pytest.raises(LocalProtocolError, match="1 to 812"), state.transaction() as tx:
        prekeys.batch(tx, count, rng)


def test_signed_keys_rotate_and_old_ones_stay_for_a_while(state, identity, rng):
    with pytest.raises(MissingPreKey):
        prekeys.signed(state)
    with state.transaction() as tx:
        made = [prekeys.rotate_signed(tx, identity, NOW_S + number, rng) for number in range(6)]
    assert prekeys.signed(state) == made[-1]
    assert [key.id for key in made] == [1, 2, 3, 4, 5, 6]
    assert prekeys.signed(state, 3) == made[2]
    with pytest.raises(MissingPreKey, match="2"):
        prekeys.signed(state, 2)
    for key in made:
        assert xeddsa.verify(identity.keys.public, serialize_public(key.keys.public), key.signature)
    assert made[0].created_at == 1_800_000_000


def test_an_upload_is_read_by_the_server_as_it_was_made(state, identity, rng):
    with state.transaction() as tx:
        signed = prekeys.rotate_signed(tx, identity, NOW_S, rng)
        keys = prekeys.batch(tx, 20, rng)
    iq = decode(encode(Node("iq", {"xmlns": "encrypt"}, upload_children(identity, signed, keys))))
    upload = parse_upload(iq)
    assert upload.bundle == prekeys.bundle(identity, signed)
    assert [(key.id, key.public) for key in upload.pre_keys] == [(key.id, key.keys.public) for key in keys]


@pytest.mark.parametrize("one_time", [True, False], ids=["with one-time key", "without"])
def test_a_bundle_is_read_as_the_server_wrote_it(state, identity, rng, one_time):
    with state.transaction() as tx:
        signed = prekeys.rotate_signed(tx, identity, NOW_S, rng)
        bundle = prekeys.bundle(identity, signed, prekeys.fresh(tx, rng) if one_time else None)
    assert parse_bundle(decode(encode(Node("user", {}, bundle_children(bundle))))) == bundle


def test_the_keys_of_a_retry_receipt_are_a_bundle(state, identity, rng):
    with state.transaction() as tx:
        signed, key = prekeys.rotate_signed(tx, identity, NOW_S, rng), prekeys.fresh(tx, rng)
    node = Node("keys", {}, retry_children(identity, signed, key, b"device identity"))
    assert parse_bundle(node, identity.registration_id) == prekeys.bundle(identity, signed, key)
    assert node.need("device-identity").data == b"device identity"


def test_keys_with_their_type_in_front_are_read_too(state, identity, rng):
    with state.transaction() as tx:
        bundle = prekeys.bundle(identity, prekeys.rotate_signed(tx, identity, NOW_S, rng))
    children = tuple(
        Node("identity", {}, serialize_public(bundle.identity_key)) if child.tag == "identity" else child
        for child in bundle_children(bundle)
    )
    assert parse_bundle(Node("user", {}, children)) == bundle


@pytest.mark.parametrize("tag", ["registration", "identity", "skey"])
def test_a_bundle_without_a_part_is_a_node_error(state, identity, rng, tag):
    with state.transaction() as tx:
        bundle = prekeys.bundle(identity, prekeys.rotate_signed(tx, identity, NOW_S, rng))
    children = tuple(child for child in bundle_children(bundle) if child.tag != tag)
    with pytest.raises(NodeError, match=tag):
        parse_bundle(Node("user", {}, children))


def test_too_many_keys_in_one_upload_are_refused():
    iq = Node("iq", {}, (Node("list", {}, (Node("key"),) * 5001),))
    with pytest.raises(NodeError, match="5000"):
        parse_upload(iq)


def test_numbers_are_big_endian(identity):
    assert registration_node(identity.registration_id).data == b"\x01\x02\x03\x04"


leaf_tags = st.sampled_from(["id", "value", "signature", "identity", "registration"])
branch_tags = st.sampled_from(["skey", "key", "list", "identity"])
parts = st.recursive(
    st.builds(Node, leaf_tags, st.just({}), st.binary(max_size=64)),
    lambda inner: st.builds(Node, branch_tags, st.just({}), st.lists(inner, max_size=3).map(tuple)),
    max_leaves=8,
)


@settings(deadline=None, max_examples=100)
@given(st.lists(parts, max_size=5).map(tuple))
def test_arbitrary_stanzas_raise_only_remote_errors(children):
    for read in (parse_bundle, parse_upload):
        try:
            read(Node("iq", {}, children))
        except RemoteProtocolError:
            continue
