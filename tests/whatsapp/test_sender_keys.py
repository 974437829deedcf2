"""Group encryption: the vectors, late and doubled messages, forgeries, limits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import sender_keys, xeddsa
from whatsapp import signal_pb2 as wire
from whatsapp.errors import (
    DuplicateMessage,
    InvalidSignature,
    LocalProtocolError,
    MessageFormatError,
    NoSession,
    RemoteProtocolError,
    StateCorrupt,
    TooFarAhead,
)
from whatsapp.keys import KeyPair
from whatsapp.sender_key_messages import SenderKeyDistribution, SenderKeyMessage, unsigned_message
from whatsapp.state import MAX_VALUE_BYTES, MemoryState

GROUP, SENDER = "1-2@g.us", "5511.3"
relaxed = settings(deadline=None, max_examples=30)


class Member:
    def __init__(self, rng):
        self.rng, self.state = rng, MemoryState()

    def distribute(self):
        with self.state.transaction() as tx:
            return sender_keys.distribution(tx, GROUP, SENDER, self.rng)

    def accept(self, data):
        with self.state.transaction() as tx:
            sender_keys.process_distribution(tx, GROUP, SENDER, data)

    def encrypt(self, plaintext):
        with self.state.transaction() as tx:
            return sender_keys.encrypt(tx, GROUP, SENDER, plaintext, self.rng)

    def decrypt(self, data):
        with self.state.transaction() as tx:
            return sender_keys.decrypt(tx, GROUP, SENDER, data)

    def rotate(self):
        with self.state.transaction() as tx:
            sender_keys.rotate(tx, GROUP, SENDER)


@pytest.fixture
def members(make_rng):
    """A sender, and a reader who has its key."""
    sender, reader = Member(make_rng(1)), Member(make_rng(2))
    reader.accept(sender.distribute())
    return sender, reader


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)], ids=str)
def test_the_messages_of_the_vector_decrypt_in_any_order(vectors, make_rng, order):
    vector = vectors["sender_key"]
    reader = Member(make_rng(3))
    reader.accept(bytes.fromhex(vector["skdm_hex"]))
    for index in order:
        message = vector["messages"][index]
        data = bytes.fromhex(message["ciphertext_hex"])
        assert SenderKeyMessage.parse(data).iteration == message["iteration"]
        assert reader.decrypt(data) == message["plaintext"].encode()


def test_the_vectors_distribution_is_written_as_it_was_read(vectors):
    data = bytes.fromhex(vectors["sender_key"]["skdm_hex"])
    assert SenderKeyDistribution.parse(data).serialize() == data


@relaxed
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_every_message_is_read_once_in_whatever_order(make_rng, plaintexts, chance):
    sender, reader = Member(make_rng(4)), Member(make_rng(5))
    reader.accept(sender.distribute())
    messages = [(sender.encrypt(plaintext), plaintext) for plaintext in plaintexts]
    chance.shuffle(messages)
    for data, plaintext in messages:
        assert reader.decrypt(data) == plaintext
        with pytest.raises(DuplicateMessage):
            reader.decrypt(data)


def test_who_joins_later_reads_from_there_on(members, make_rng):
    sender, _ = members
    before = sender.encrypt(b"before")
    late = Member(make_rng(6))
    late.accept(sender.distribute())
    assert late.decrypt(sender.encrypt(b"after")) == b"after"
    with pytest.raises(DuplicateMessage):
        late.decrypt(before)


def test_a_repeated_distribution_does_not_forget_earlier_messages(members):
    sender, reader = members
    first = sender.encrypt(b"first")
    reader.accept(sender.distribute())
    assert reader.decrypt(first) == b"first"
    with pytest.raises(DuplicateMessage):
        reader.accept(sender.distribute()) or reader.decrypt(first)


def test_after_rotation_both_generations_are_read(members):
    sender, reader = members
    late = sender.encrypt(b"late")
    sender.rotate()
    with pytest.raises(LocalProtocolError, match="distribute"):
        sender.encrypt(b"nobody could read this")
    data = sender.distribute()
    fresh = sender.encrypt(b"fresh")
    with pytest.raises(NoSession):
        reader.decrypt(fresh)
    reader.accept(data)
    assert [reader.decrypt(fresh), reader.decrypt(late)] == [b"fresh", b"late"]


def test_only_the_last_generations_are_kept(members):
    sender, reader = members
    oldest = sender.encrypt(b"oldest")
    for _ in range(5):
        sender.rotate()
        reader.accept(sender.distribute())
    with pytest.raises(NoSession):
        reader.decrypt(oldest)
    assert reader.decrypt(sender.encrypt(b"newest")) == b"newest"


def test_another_member_cannot_write_in_the_senders_name(members, make_rng):
    sender, reader = members
    genuine = SenderKeyMessage.parse(sender.encrypt(b"x"))
    unsigned = unsigned_message(genuine.key_id, genuine.iteration, genuine.ciphertext)
    forged = unsigned + xeddsa.sign(KeyPair.generate(make_rng(7)), unsigned, make_rng(8))
    before = dict(reader.state.spaces[sender_keys.SENDER_KEYS])
    with pytest.raises(InvalidSignature):
        reader.decrypt(forged)
    assert reader.state.spaces[sender_keys.SENDER_KEYS] == before


def test_a_taken_over_key_id_replaces_the_key(members, make_rng):
    sender, reader = members
    key_id = SenderKeyMessage.parse(sender.encrypt(b"x")).key_id
    other = KeyPair.generate(make_rng(9))
    reader.accept(SenderKeyDistribution(key_id, 0, bytes(32), other.public).serialize())
    with pytest.raises(InvalidSignature):
        reader.decrypt(sender.encrypt(b"y"))


def test_too_many_missing_messages_are_refused_and_kept_keys_bounded(make_rng):
    rng = make_rng(10)
    signing, reader = KeyPair.generate(rng), Member(rng)
    reader.accept(SenderKeyDistribution(7, 0, bytes(32), signing.public).serialize())

    def message(iteration):
        unsigned = unsigned_message(7, iteration, bytes(16))
        return unsigned + xeddsa.sign(signing, unsigned, rng)

    with pytest.raises(TooFarAhead):
        reader.decrypt(message(2001))
    with pytest.raises(MessageFormatError):  # the keys fit, the content of this made-up message does not
        reader.decrypt(message(2000))


def test_records_stay_small(members):
    sender, reader = members
    for _ in range(3):
        key = sender_keys._load(sender.state, GROUP, SENDER)[0]
        chain, iteration = key.chain_key, key.iteration
        for _ in range(1990):
            chain = sender_keys.advance(chain)[1]
        with sender.state.transaction() as tx:
            jumped = sender_keys.replace(key, chain_key=chain, iteration=iteration + 1990)
            sender_keys._save(tx, GROUP, SENDER, (jumped,))
        assert reader.decrypt(sender.encrypt(b"x")) == b"x"
    (record,) = reader.state.spaces[sender_keys.SENDER_KEYS].values()
    assert len(record) < MAX_VALUE_BYTES // 5  # five generations of it still fit


def test_a_used_up_key_is_our_own_error(members):
    sender, _ = members
    with sender.state.transaction() as tx:
        key = sender_keys._load(tx, GROUP, SENDER)[0]
        sender_keys._save(tx, GROUP, SENDER, (sender_keys.replace(key, iteration=2**32 - 1),))
    with pytest.raises(LocalProtocolError, match="used up"):
        sender.encrypt(b"x")


def test_a_reader_cannot_send_with_the_key_it_was_given(members):
    _, reader = members
    with pytest.raises(LocalProtocolError):
        reader.encrypt(b"x")


def test_keys_move_with_their_sender_and_leave_alone(make_rng):
    state, rng = MemoryState(), make_rng(11)
    with state.transaction() as tx:
        for group, address in (("a@g.us", "1.0"), ("a@g.us", "1.2"), ("b@g.us", "9_1.0"), ("b@g.us", "1.0")):
            sender_keys.distribution(tx, group, address, rng)
    kept = state.get(sender_keys.SENDER_KEYS, "b@g.us/9_1.0")
    with state.transaction() as tx:
        sender_keys.migrate_sender(tx, "1", "9_1")
    assert sorted(state.keys(sender_keys.SENDER_KEYS)) == ["a@g.us/9_1.0", "a@g.us/9_1.2", "b@g.us/9_1.0"]
    assert state.get(sender_keys.SENDER_KEYS, "b@g.us/9_1.0") == kept
    assert sender_keys.has_key(state, "a@g.us", "9_1.2")
    with state.transaction() as tx:
        sender_keys.rotate_all(tx, "9_1.0")
    assert list(state.keys(sender_keys.SENDER_KEYS)) == ["a@g.us/9_1.2"]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=150))
def test_arbitrary_bytes_raise_only_remote_errors(make_rng, data):
    reader = Member(make_rng(12))
    for body in (data, b"\x33" + data):
        with pytest.raises(RemoteProtocolError):
            reader.decrypt(body)
        try:
            reader.accept(body)
        except RemoteProtocolError:
            continue


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.ClearField("key_id"),
        lambda body: setattr(body, "chain_key", bytes(31)),
        lambda body: setattr(body, "signing_key", bytes(33)),
        lambda body: setattr(body, "chain_key", bytes(2000)),
    ],
    ids=["no key id", "short chain key", "wrong signing key", "huge"],
)
def test_distributions_with_wrong_parts_are_malformed(members, change):
    sender, reader = members
    body = wire.SenderKeyDistributionMessage.FromString(sender.distribute()[1:])
    change(body)
    with pytest.raises(MessageFormatError):
        reader.accept(b"\x33" + body.SerializeToString())


def test_a_damaged_store_is_not_the_peers_fault(make_rng):
    member = Member(make_rng(13))
    member.state = MemoryState.load([(sender_keys.SENDER_KEYS, f"{GROUP}/{SENDER}", b"\xff\xff")])
    with pytest.raises(StateCorrupt):
        member.distribute()
