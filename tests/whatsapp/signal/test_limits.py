"""What a peer can make a Signal session keep, and for how many messages it waits."""

import pytest

from whatsapp import signal_cipher
from whatsapp.errors import (
    DuplicateMessage,
    InvalidMac,
    TooFarAhead,
)
from whatsapp.signal_record import MAX_ARCHIVED
from whatsapp.signal_session import MAX_RECEIVING_CHAINS
from whatsapp.state import MAX_VALUE_BYTES


def test_too_many_missing_messages_are_refused(talking):
    alice, bob = talking
    for _ in range(2001):
        alice.encrypt(bob, b"lost")
    with pytest.raises(TooFarAhead):
        bob.decrypt(alice, alice.encrypt(bob, b"2001 missing"))


def test_skipped_keys_are_bounded_and_the_oldest_go(talking):
    alice, bob = talking
    lost = [alice.encrypt(bob, b"%d" % number) for number in range(2000)]
    bob.decrypt(alice, alice.encrypt(bob, b"after 2000"))
    more = [alice.encrypt(bob, b"more %d" % number) for number in range(10)]
    bob.decrypt(alice, alice.encrypt(bob, b"after 10 more"))
    for message in lost[:10]:
        with pytest.raises(DuplicateMessage):
            bob.decrypt(alice, message)
    assert bob.decrypt(alice, lost[10]).plaintext == b"10"
    assert bob.decrypt(alice, more[0]).plaintext == b"more 0"


def test_records_stay_small_whatever_a_peer_does(make_party):
    """A peer that starts 45 sessions and skips 1,900 messages in each of the first ones."""
    alice, bob = make_party("1.0", 14), make_party("2.0", 15)
    for number in range(45):
        alice.start(bob)
        if number < 3:
            for _ in range(1900):
                alice.encrypt(bob, b"lost")
        bob.decrypt(alice, alice.encrypt(bob, b"x"))
    record = signal_cipher.load_record(bob.state, alice.address)
    assert len(record.archived) == MAX_ARCHIVED
    assert len(record.pack()) < MAX_VALUE_BYTES // 4


def test_only_the_last_chains_are_kept(talking):
    alice, bob = talking
    late = []
    for _ in range(MAX_RECEIVING_CHAINS + 1):
        late.append(alice.encrypt(bob, b"late"))
        bob.decrypt(alice, alice.encrypt(bob, b"x"))
        alice.decrypt(bob, bob.encrypt(alice, b"y"))
    with pytest.raises(InvalidMac):
        bob.decrypt(alice, late[0])
    assert bob.decrypt(alice, late[-1]).plaintext == b"late"
