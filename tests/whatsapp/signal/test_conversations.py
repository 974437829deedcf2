"""Two devices talking by Signal, also over a network that delays, doubles, damages and loses."""

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from whatsapp import prekeys, signal_cipher
from whatsapp import signal_pb2 as wire
from whatsapp.errors import (
    DuplicateMessage,
    RemoteProtocolError,
)
from whatsapp.signal_cipher import Encrypted
from whatsapp.signal_messages import SignalMessage
from whatsapp.signal_record import SessionRecord
from whatsapp.signal_session import MAX_RECEIVING_CHAINS


@pytest.mark.parametrize("one_time", [True, False], ids=["with one-time key", "without"])
def test_pkmsg_until_answered_then_msg(make_party, one_time):
    alice, bob = make_party("1.0", 3), make_party("2.0", 4)
    assert alice.start(bob, one_time) is False
    first, second = alice.encrypt(bob, b"one"), alice.encrypt(bob, b"two")
    assert (first.type, second.type) == ("pkmsg", "pkmsg")
    assert bob.decrypt(alice, second).plaintext == b"two"
    answer = bob.encrypt(alice, b"three")
    assert answer.type == "msg"
    assert alice.decrypt(bob, answer).plaintext == b"three"
    assert alice.encrypt(bob, b"four").type == "msg"
    assert bob.decrypt(alice, first).plaintext == b"one"


def test_a_one_time_key_is_gone_after_its_first_message(pair):
    alice, bob = pair
    message = alice.encrypt(bob, b"one")
    assert bob.state.count(prekeys.PRE_KEYS) == 1
    bob.decrypt(alice, message)
    assert bob.state.count(prekeys.PRE_KEYS) == 0
    with pytest.raises(DuplicateMessage):
        bob.decrypt(alice, message)


class Conversation(RuleBasedStateMachine):
    """Two devices, messages that are late, doubled, damaged or lost; each arrives exactly once or not at all."""

    def __init__(self, make_party):
        super().__init__()
        self.make_party = make_party

    @initialize(seed=st.integers(0, 2**32))
    def meet(self, seed):
        self.parties = [self.make_party("1.0", seed), self.make_party("2.0", seed + 1)]
        self.chance = random.Random(seed)
        self.flying = [[], []]  # per receiver: [message, plaintext, deliveries that overtook it]
        self.delivered = [[], []]
        self.number = 0

    def can_send(self, side):
        return signal_cipher.can_send(self.parties[side].state, self.parties[1 - side].address)

    @rule(side=st.integers(0, 1))
    def send(self, side):
        if not self.can_send(side):
            self.parties[side].start(self.parties[1 - side], one_time=self.chance.random() < 0.5)
        self.number += 1
        plaintext = b"%d" % self.number
        message = self.parties[side].encrypt(self.parties[1 - side], plaintext)
        self.flying[1 - side].append([message, plaintext, 0])

    @rule(side=st.integers(0, 1))
    def start_anew(self, side):
        self.parties[side].start(self.parties[1 - side])

    @precondition(lambda self: any(self.flying))
    @rule(side=st.integers(0, 1), pick=st.integers(0, 3))
    def deliver(self, side, pick):
        flying = self.flying[side]
        if not flying:
            return
        index = 0 if flying[0][2] >= MAX_RECEIVING_CHAINS - 1 else min(pick, len(flying) - 1)
        message, plaintext, _ = flying.pop(index)
        for overtaken in flying[:index]:
            overtaken[2] += 1
        assert self.parties[side].decrypt(self.parties[1 - side], message).plaintext == plaintext
        self.delivered[side].append(message)

    @precondition(lambda self: any(self.delivered))
    @rule(side=st.integers(0, 1))
    def deliver_again(self, side):
        if self.delivered[side]:
            before = self.parties[side].rows()
            with pytest.raises(DuplicateMessage):
                self.parties[side].decrypt(self.parties[1 - side], self.delivered[side][-1])
            assert self.parties[side].rows() == before

    @precondition(lambda self: any(self.flying))
    @rule(side=st.integers(0, 1), place=st.floats(0, 0.999), bit=st.integers(0, 7))
    def deliver_damaged(self, side, place, bit):
        if self.flying[side]:
            message = self.flying[side][0][0]
            data = bytearray(message.data)
            data[int(place * len(data))] ^= 1 << bit
            before = self.parties[side].rows()
            try:
                decrypted = self.parties[side].decrypt(
                    self.parties[1 - side], Encrypted(message.type, bytes(data))
                )
            except RemoteProtocolError:
                assert self.parties[side].rows() == before
            else:  # some bytes of a pkmsg's wrapping are not authenticated, such as the registration id
                assert message.type == "pkmsg" and decrypted.plaintext == self.flying[side][0][1]
                self.delivered[side].append(message)
                self.flying[side].pop(0)

    @precondition(lambda self: any(self.flying))
    @rule(side=st.integers(0, 1))
    def lose(self, side):
        if self.flying[side]:
            self.flying[side].pop(self.chance.randrange(len(self.flying[side])))

    @invariant()
    def records_survive_the_store(self):
        for side in (0, 1):
            for address in self.parties[side].state.keys(signal_cipher.SESSIONS):
                record = signal_cipher.load_record(self.parties[side].state, address)
                assert SessionRecord.unpack(record.pack()) == record


def test_whatever_the_network_does_no_ratchet_breaks(make_party):
    run_machine(
        lambda: Conversation(make_party),
        settings=settings(deadline=None, max_examples=40, stateful_step_count=30),
    )


def test_both_start_at_once_and_then_share_a_session(make_party):
    alice, bob = make_party("1.0", 5), make_party("2.0", 6)
    alice.start(bob)
    bob.start(alice)
    to_bob, to_alice = alice.encrypt(bob, b"a"), bob.encrypt(alice, b"b")
    assert (bob.decrypt(alice, to_bob).plaintext, alice.decrypt(bob, to_alice).plaintext) == (b"a", b"b")
    for number in range(4):
        message = alice.encrypt(bob, b"%d" % number)
        assert bob.decrypt(alice, message).plaintext == b"%d" % number
        answer = bob.encrypt(alice, b"re %d" % number)
        assert alice.decrypt(bob, answer).plaintext == b"re %d" % number
    assert answer.type == message.type == "msg"


def test_a_previous_counter_of_minus_one_is_read():
    """One other client writes 2^32 − 1 before it has sent anything."""
    body = wire.SignalMessage(
        ratchet_key=b"\x05" + bytes(32), counter=0, previous_counter=2**32 - 1, ciphertext=b"x"
    )
    parsed = SignalMessage.parse(b"\x33" + body.SerializeToString() + bytes(8))
    assert parsed.counter == 0


def test_nothing_secret_is_shown(talking):
    alice, bob = talking
    record = signal_cipher.load_record(alice.state, bob.address)
    assert record.current is not None and record.current.sending is not None
    shown = repr(record) + repr(alice.identity) + repr(alice.cipher) + repr(alice.encrypt(bob, b"plain"))
    for secret in (
        record.current.root_key,
        record.current.ratchet.private,
        record.current.sending.key,
        alice.identity.keys.private,
        b"plain",
    ):
        assert repr(secret)[2:-1] not in shown and secret.hex() not in shown
