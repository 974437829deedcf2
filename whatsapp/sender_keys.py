"""Group encryption with sender keys (protocol §16), on stored state.

Each sender has, per group, a chain of its own and a signing key; the members learn both from a distribution
message and can then read everything it sends from there on. Names are (group address, sender's Signal address).
"""

from dataclasses import dataclass, field, replace

from whatsapp import cbc, xeddsa
from whatsapp import records_pb2 as records
from whatsapp.errors import InvalidSignature, LocalProtocolError, NoSession
from whatsapp.keys import KeyPair, Rng
from whatsapp.protobufs import parse_stored
from whatsapp.sender_key_messages import SenderKeyDistribution, SenderKeyMessage, unsigned_message
from whatsapp.signal_ratchet import MAX_SKIP, ZERO_SALT, advance, derive, take_seed
from whatsapp.state import StateReader, StateWriter

SENDER_KEYS = "sender_key"
MAX_STATES = 5  # key generations kept per name
MAX_SKIPPED = MAX_SKIP  # seeds kept per key generation
MAX_ITERATION = 2**32 - 1


@dataclass(frozen=True, slots=True)
class SenderKey:
    """One key generation. `iteration`: the next message; `private`: the signing key, ours only."""

    key_id: int
    iteration: int
    chain_key: bytes = field(repr=False)
    public: bytes
    private: bytes | None = field(default=None, repr=False)
    skipped: dict[int, bytes] = field(default_factory=dict, repr=False)


def distribution(state: StateWriter, group: str, own_address: str, rng: Rng) -> bytes:
    """What new readers need, from our next message on; makes our sender key if there is none."""
    key = _own(state, group, own_address)
    if key is None:
        signing = KeyPair.generate(rng)
        key_id = int.from_bytes(rng(4), "big") & 0x7FFFFFFF
        key = SenderKey(key_id, 0, rng(32), signing.public, signing.private)
        _save(state, group, own_address, (key,))
    return SenderKeyDistribution(key.key_id, key.iteration, key.chain_key, key.public).serialize()


def process_distribution(state: StateWriter, group: str, sender: str, data: bytes) -> None:
    """Store what a sender gave us. A generation that is known already stays as it is: it reads further back."""
    message = SenderKeyDistribution.parse(data)
    known = _load(state, group, sender)
    if any(key.key_id == message.key_id and key.public == message.signing_key for key in known):
        return
    key = SenderKey(message.key_id, message.iteration, message.chain_key, message.signing_key)
    others = tuple(other for other in known if other.key_id != message.key_id)
    _save(state, group, sender, (key, *others))


def encrypt(state: StateWriter, group: str, own_address: str, plaintext: bytes, rng: Rng) -> bytes:
    """The "skmsg" bytes. LocalProtocolError when no distribution was made: nobody could read it."""
    key = _own(state, group, own_address)
    if key is None or key.private is None:
        raise LocalProtocolError("no sender key for this group: distribute one first")
    if key.iteration >= MAX_ITERATION:
        raise LocalProtocolError("the sender key is used up: rotate it")
    seed, next_chain = advance(key.chain_key)
    iv, cipher_key = _message_keys(seed)
    unsigned = unsigned_message(key.key_id, key.iteration, cbc.encrypt(cipher_key, iv, plaintext))
    after = replace(key, iteration=key.iteration + 1, chain_key=next_chain)
    _save(state, group, own_address, (after,))
    return unsigned + xeddsa.sign(KeyPair(key.private, key.public), unsigned, rng)


def decrypt(state: StateWriter, group: str, sender: str, data: bytes) -> bytes:
    """The padded plaintext of an "skmsg".

    Raises NoSession (no distribution seen), InvalidSignature, DuplicateMessage, TooFarAhead, MessageFormatError.
    """
    message = SenderKeyMessage.parse(data)
    known = _load(state, group, sender)
    key = next((key for key in known if key.key_id == message.key_id), None)
    if key is None:
        raise NoSession("no sender key of this sender for this group")
    if not xeddsa.verify(key.public, message.signed, message.signature):
        raise InvalidSignature("the sender key message is not signed by its sender")
    seed, chain_key, iteration, skipped = take_seed(
        key.chain_key, key.iteration, key.skipped, message.iteration
    )
    iv, cipher_key = _message_keys(seed)
    plaintext = cbc.decrypt(cipher_key, iv, message.ciphertext)
    kept = dict(list(skipped.items())[-MAX_SKIPPED:])
    after = replace(key, iteration=iteration, chain_key=chain_key, skipped=kept)
    _save(state, group, sender, tuple(after if other is key else other for other in known))
    return plaintext


def rotate(state: StateWriter, group: str, own_address: str) -> None:
    """Members left: our next message needs a new key and a new distribution."""
    state.delete(SENDER_KEYS, _name(group, own_address))


def rotate_all(state: StateWriter, own_address: str) -> None:
    """A restored copy: none of our sender keys may be used again, in any group."""
    for name in state.keys(SENDER_KEYS):
        if name.rpartition("/")[2] == own_address:
            state.delete(SENDER_KEYS, name)


def has_key(state: StateReader, group: str, address: str) -> bool:
    """Whether a sender key of this address is stored for the group."""
    return state.get(SENDER_KEYS, _name(group, address)) is not None


def migrate_sender(state: StateWriter, old_name: str, new_name: str) -> None:
    """Move a user's sender keys in all groups to another Signal name where none exists yet (protocol §14)."""
    for name in state.keys(SENDER_KEYS):
        group, _, address = name.partition("/")
        user, _, device = address.rpartition(".")
        if user == old_name:
            value = state.get(SENDER_KEYS, name)
            target = _name(group, f"{new_name}.{device}")
            if value is not None and state.get(SENDER_KEYS, target) is None:
                state.put(SENDER_KEYS, target, value)
            state.delete(SENDER_KEYS, name)


def _own(state: StateReader, group: str, own_address: str) -> SenderKey | None:
    return next(iter(_load(state, group, own_address)), None)


def _message_keys(seed: bytes) -> tuple[bytes, bytes]:
    output = derive(seed, ZERO_SALT, b"WhisperGroup", 48)
    return output[:16], output[16:]


def _name(group: str, address: str) -> str:
    return f"{group}/{address}"


def _load(state: StateReader, group: str, sender: str) -> tuple[SenderKey, ...]:
    stored = state.get(SENDER_KEYS, _name(group, sender))
    if stored is None:
        return ()
    return tuple(
        SenderKey(
            packed.key_id,
            packed.iteration,
            packed.chain_key,
            packed.signing_public,
            packed.signing_private if packed.HasField("signing_private") else None,
            {key.iteration: key.seed for key in packed.skipped},
        )
        for packed in parse_stored(records.SenderKeyRecord, stored).states
    )


def _save(state: StateWriter, group: str, sender: str, keys: tuple[SenderKey, ...]) -> None:
    record = records.SenderKeyRecord(
        states=[
            records.SenderKeyState(
                key_id=key.key_id,
                iteration=key.iteration,
                chain_key=key.chain_key,
                signing_public=key.public,
                signing_private=key.private,
                skipped=[
                    records.SenderKeyState.SkippedKey(iteration=iteration, seed=seed)
                    for iteration, seed in key.skipped.items()
                ],
            )
            for key in keys[:MAX_STATES]
        ]
    )
    state.put(SENDER_KEYS, _name(group, sender), record.SerializeToString())
