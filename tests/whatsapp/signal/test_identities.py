"""Whose session it is: identities that change, users that are forgotten, moved or restored from a copy."""

import pytest

from whatsapp import signal_cipher
from whatsapp.errors import (
    InvalidMac,
    LocalProtocolError,
    UntrustedIdentity,
)
from whatsapp.signal_cipher import SignalCipher


def reinstall(make_party, party, seed):
    """The same device with new keys, as after a reinstallation."""
    return make_party(party.address, seed)


def test_a_changed_identity_is_reported_and_old_sessions_go(make_party, talking):
    alice, bob = talking
    late = alice.encrypt(bob, b"late")
    alice = reinstall(make_party, alice, 11)
    alice.start(bob)
    decrypted = bob.decrypt(alice, alice.encrypt(bob, b"new phone"))
    assert decrypted.identity_changed and decrypted.identity == alice.identity.keys.public
    assert bob.state.get(signal_cipher.IDENTITIES, alice.address) == alice.identity.keys.public
    with pytest.raises(InvalidMac):
        bob.decrypt(alice, late)
    assert bob.start(alice) is False
    assert not bob.decrypt(alice, alice.encrypt(bob, b"again")).identity_changed


def test_a_bundle_with_another_identity_is_reported(make_party, talking):
    alice, bob = talking
    assert bob.start(reinstall(make_party, alice, 12)) is True


def test_changed_identities_can_be_refused(make_party, talking):
    alice, bob = talking
    bob.cipher = SignalCipher(bob.identity, bob.rng, accept_new_identities=False)
    alice = reinstall(make_party, alice, 13)
    alice.start(bob)
    before = bob.rows()
    with pytest.raises(UntrustedIdentity):
        bob.decrypt(alice, alice.encrypt(bob, b"x"))
    with pytest.raises(UntrustedIdentity):
        bob.start(alice)
    assert {key: value for key, value in bob.rows().items() if "pre_key" not in key[0]} == {
        key: value for key, value in before.items() if "pre_key" not in key[0]
    }


def test_an_archived_session_still_reads_and_becomes_current_again(talking):
    alice, bob = talking
    late = alice.encrypt(bob, b"late")
    with bob.state.transaction() as tx:
        signal_cipher.archive_session(tx, alice.address)
        signal_cipher.archive_session(tx, "9.9")
    assert not signal_cipher.can_send(bob.state, alice.address)
    assert bob.decrypt(alice, late).plaintext == b"late"
    assert alice.decrypt(bob, bob.encrypt(alice, b"back")).plaintext == b"back"


def test_a_restored_copy_never_uses_a_sending_chain_again(talking):
    alice, bob = talking
    bob.decrypt(alice, alice.encrypt(bob, b"Bob knows this ratchet key"))
    late = alice.encrypt(bob, b"late")
    bob.encrypt(alice, b"sent by the original after the copy was made")
    with bob.state.transaction() as tx:
        signal_cipher.retire_all(tx)
    assert not signal_cipher.can_send(bob.state, alice.address)
    assert bob.decrypt(alice, late).plaintext == b"late"
    with pytest.raises(LocalProtocolError):
        bob.encrypt(alice, b"would reuse a key")
    bob.start(alice)
    assert alice.decrypt(bob, bob.encrypt(alice, b"fresh")).plaintext == b"fresh"
    assert bob.decrypt(alice, alice.encrypt(bob, b"answer")).plaintext == b"answer"


def test_a_user_is_forgotten_or_moved_with_all_devices(make_party):
    alice = make_party("1.0", 16)
    for address in ("5511.0", "5511.3", "55119.0", "7_1.0"):
        alice.start(make_party(address, 17))
    with alice.state.transaction() as tx:
        assert signal_cipher.migrate_user(tx, "5511", "7_1") == 1
    assert sorted(alice.state.keys(signal_cipher.SESSIONS)) == ["55119.0", "7_1.0", "7_1.3"]
    assert sorted(alice.state.keys(signal_cipher.IDENTITIES)) == ["55119.0", "7_1.0", "7_1.3"]
    with alice.state.transaction() as tx:
        signal_cipher.forget_user(tx, "7_1")
    assert list(alice.state.keys(signal_cipher.SESSIONS)) == ["55119.0"]


def test_a_moved_session_keeps_working(talking):
    alice, bob = talking
    with bob.state.transaction() as tx:
        signal_cipher.migrate_user(tx, "1", "9_1")
    alice.address = "9_1.0"
    assert bob.decrypt(alice, alice.encrypt(bob, b"x")).plaintext == b"x"
