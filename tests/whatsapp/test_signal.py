"""Signal sessions: the vectors, two devices talking over a bad network, hostile messages, limits."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from whatsapp import prekeys, signal_cipher
from whatsapp import records_pb2 as records
from whatsapp import signal_pb2 as wire
from whatsapp.errors import (
    DuplicateMessage,
    InvalidMac,
    InvalidSignature,
    LocalProtocolError,
    MessageFormatError,
    MissingPreKey,
    NoSession,
    RemoteProtocolError,
    StateCorrupt,
    TooFarAhead,
    UntrustedIdentity,
)
from whatsapp.keys import KeyPair
from whatsapp.signal_cipher import Encrypted, SignalCipher
from whatsapp.signal_messages import PreKeySignalMessage, SignalMessage
from whatsapp.signal_record import MAX_ARCHIVED, SessionRecord
from whatsapp.signal_session import MAX_RECEIVING_CHAINS, LocalIdentity, PreKeyBundle
from whatsapp.state import MAX_VALUE_BYTES, MemoryState

relaxed = settings(deadline=None, max_examples=30)


@pytest.fixture
def pair(make_party):
    """Alice has a session with Bob; Bob does not know her yet."""
    alice, bob = make_party("1.0", 1), make_party("2.0", 2)
    alice.start(bob)
    return alice, bob


@pytest.fixture
def talking(pair):
    """Both have answered each other once."""
    alice, bob = pair
    bob.decrypt(alice, alice.encrypt(bob, b"hello"))
    alice.decrypt(bob, bob.encrypt(alice, b"hello back"))
    return alice, bob


def vector_receiver(vector, rng):
    keys = KeyPair.from_private(bytes.fromhex(vector["bob_identity_priv"]))
    assert keys.serialized.hex() == vector["bob_identity_pub33"]
    state = MemoryState()
    with state.transaction() as tx:
        for space, stored, kind in (
            (prekeys.SIGNED_PRE_KEYS, vector["bob_signed_prekey"], records.SignedPreKey),
            (prekeys.PRE_KEYS, vector["bob_one_time_prekey"], records.PreKey),
        ):
            pair = KeyPair.from_private(bytes.fromhex(stored["priv"]))
            assert pair.serialized.hex() == stored["pub33"]
            record = kind(private=pair.private, public=pair.public)
            tx.put(space, str(stored["id"]), record.SerializeToString())
    return state, SignalCipher(LocalIdentity(keys, 2222), rng)


def test_the_messages_of_the_vector_decrypt_out_of_order(vectors, make_rng):
    vector = vectors["signal"]
    state, cipher = vector_receiver(vector, make_rng(1))
    for message in vector["messages"]:
        with state.transaction() as tx:
            data = bytes.fromhex(message["ciphertext_hex"])
            decrypted = cipher.decrypt(tx, "1.0", message["type"], data)
        assert decrypted.plaintext == message["plaintext"].encode()
        assert decrypted.identity.hex() == vector["alice_identity_pub33"][2:]
    assert signal_cipher.remote_registration_id(state, "1.0") == vector["alice_registration_id"]
    with pytest.raises(MissingPreKey):
        prekeys.one_time(state, vector["bob_one_time_prekey"]["id"])


def test_the_vectors_messages_are_written_as_they_were_read(vectors):
    for message in vectors["signal"]["messages"]:
        parsed = PreKeySignalMessage.parse(bytes.fromhex(message["ciphertext_hex"]))
        inner = SignalMessage.parse(parsed.message)
        assert parsed.registration_id == vectors["signal"]["alice_registration_id"]
        again = PreKeySignalMessage.parse(parsed.serialize())
        assert again == parsed and inner.counter < 3


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
