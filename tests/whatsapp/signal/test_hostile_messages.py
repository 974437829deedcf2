"""Signal messages that are damaged, forged or for somebody else: refused as the peer's fault, and nothing changes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import signal_cipher
from whatsapp import signal_pb2 as wire
from whatsapp.errors import (
    InvalidMac,
    InvalidSignature,
    LocalProtocolError,
    MessageFormatError,
    MissingPreKey,
    NoSession,
    RemoteProtocolError,
    StateCorrupt,
)
from whatsapp.keys import KeyPair
from whatsapp.signal_cipher import Encrypted
from whatsapp.signal_messages import PreKeySignalMessage
from whatsapp.signal_session import PreKeyBundle
from whatsapp.state import MemoryState


def test_a_message_that_changes_nothing_when_it_fails(talking):
    alice, bob = talking
    message = alice.encrypt(bob, b"secret")
    before = bob.rows()
    for data in (message.data[:-1] + bytes([message.data[-1] ^ 1]), message.data[:-9], b""):
        with pytest.raises(RemoteProtocolError):
            bob.decrypt(alice, Encrypted("msg", data))
        assert bob.rows() == before
    assert bob.decrypt(alice, message).plaintext == b"secret"


def test_without_a_session_nothing_is_sent_or_read(make_party, talking):
    alice, bob = talking
    stranger = make_party("3.0", 7)
    with pytest.raises(LocalProtocolError):
        stranger.encrypt(bob, b"x")
    with pytest.raises(NoSession):
        stranger.decrypt(alice, alice.encrypt(bob, b"x"))
    assert not signal_cipher.can_send(stranger.state, bob.address)


def test_a_message_for_somebody_else_has_a_wrong_mac(make_party, talking):
    alice, bob = talking
    stranger = make_party("3.0", 8)
    alice.start(stranger)
    with pytest.raises(InvalidMac):
        bob.decrypt(
            alice, Encrypted("msg", PreKeySignalMessage.parse(alice.encrypt(stranger, b"x").data).message)
        )


def test_a_forged_bundle_starts_no_session(make_party):
    alice, bob = make_party("1.0", 9), make_party("2.0", 10)
    good = bob.bundle()
    forged = PreKeyBundle(
        good.registration_id,
        good.identity_key,
        good.signed_pre_key_id,
        KeyPair.generate(alice.rng).public,
        good.signature,
    )
    with pytest.raises(InvalidSignature), alice.state.transaction() as tx:
        alice.cipher.start_session(tx, bob.address, forged)
    assert not signal_cipher.can_send(alice.state, bob.address)


@pytest.mark.parametrize("which", ["signed_pre_key_id", "pre_key_id"])
def test_unknown_pre_keys_are_named(pair, which):
    alice, bob = pair
    body = wire.PreKeySignalMessage.FromString(alice.encrypt(bob, b"x").data[1:])
    setattr(body, which, 4711)
    with pytest.raises(MissingPreKey, match="4711"):
        bob.decrypt(alice, Encrypted("pkmsg", b"\x33" + body.SerializeToString()))


def test_a_damaged_store_is_not_the_peers_fault():
    state = MemoryState.load([(signal_cipher.SESSIONS, "1.0", b"\xff\xff")])
    with pytest.raises(StateCorrupt):
        signal_cipher.load_record(state, "1.0")


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(["msg", "pkmsg", "skmsg", ""]), st.binary(max_size=120))
def test_arbitrary_ciphertexts_raise_only_remote_errors(make_party, kind, data):
    bob = make_party("2.0", 18)
    for body in (data, b"\x33" + data):
        with pytest.raises(RemoteProtocolError):
            bob.decrypt(bob, Encrypted(kind, body))


keys33 = st.sampled_from([b"\x05" + bytes(32), b"\x05\x01" + bytes(31), b"\x05" + b"\x09" + bytes(31)])
inner_messages = st.builds(
    lambda key, counter, previous, data: (
        b"\x33"
        + wire.SignalMessage(
            ratchet_key=key, counter=counter, previous_counter=previous, ciphertext=data
        ).SerializeToString()
        + bytes(8)
    ),
    keys33,
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=40),
)


@settings(deadline=None, max_examples=100)
@given(inner_messages, keys33, keys33, st.booleans())
def test_well_formed_forgeries_raise_only_remote_errors(make_party, inner, base, identity, wrapped):
    bob, alice = make_party("2.0", 19), make_party("1.0", 20)
    alice.start(bob, one_time=False)
    bob.decrypt(alice, alice.encrypt(bob, b"x"))
    before = bob.rows()
    message = Encrypted("msg", inner)
    if wrapped:
        body = wire.PreKeySignalMessage(
            signed_pre_key_id=1, base_key=base, identity_key=identity, message=inner
        )
        message = Encrypted("pkmsg", b"\x33" + body.SerializeToString())
    with pytest.raises(RemoteProtocolError):
        bob.decrypt(alice, message)
    assert bob.rows() == before


@pytest.mark.parametrize("field", ["base_key", "identity_key", "message", "signed_pre_key_id"])
def test_a_pkmsg_without_a_part_is_malformed(pair, field):
    alice, bob = pair
    body = wire.PreKeySignalMessage.FromString(alice.encrypt(bob, b"x").data[1:])
    body.ClearField(field)
    with pytest.raises(MessageFormatError):
        bob.decrypt(alice, Encrypted("pkmsg", b"\x33" + body.SerializeToString()))
