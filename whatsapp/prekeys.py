"""Our pre-keys (protocol §10): one-time ones in batches, and the signed one.

Ids are 24 bits and grow; 0 is not used. A one-time key is deleted in the transaction that stores the session made
with it. Keys that were made but whose upload was never confirmed are offered again before new ones are made.
"""

from dataclasses import dataclass

from whatsapp import records_pb2 as records
from whatsapp import xeddsa
from whatsapp.errors import LocalProtocolError, MissingPreKey
from whatsapp.keys import KeyPair, Rng
from whatsapp.protobufs import parse_stored
from whatsapp.signal_session import LocalIdentity, PreKeyBundle
from whatsapp.state import StateReader, StateWriter

FIRST_UPLOAD = 812
LATER_UPLOAD = 50
LOW_WATER = 5
MAX_ID = 0xFFFFFF
KEPT_SIGNED = 4  # the current signed pre-key and older ones, for messages on their way

PRE_KEYS = "pre_key"
SIGNED_PRE_KEYS = "signed_pre_key"
COUNTERS = "pre_key_counters"


@dataclass(frozen=True, slots=True)
class PreKey:
    """A one-time pre-key. `reserved`: given to one device in a retry receipt, so never uploaded."""

    id: int
    keys: KeyPair
    reserved: bool = False


@dataclass(frozen=True, slots=True)
class SignedPreKey:
    """A medium-term pre-key; `signature`: by the identity over its 33-byte form; `created_at`: epoch seconds."""

    id: int
    keys: KeyPair
    signature: bytes
    created_at: int


def upload_size(server_count: int, uploaded_before: bool) -> int:
    """How many one-time keys to upload when the server says that it holds `server_count`; 0 when enough."""
    if not uploaded_before:
        return FIRST_UPLOAD
    return LATER_UPLOAD if server_count < LOW_WATER else 0


def batch(state: StateWriter, count: int, rng: Rng) -> list[PreKey]:
    """`count` stored one-time keys whose upload is not confirmed yet; missing ones are made and stored."""
    if not 0 < count <= FIRST_UPLOAD:
        raise LocalProtocolError(f"a batch of {count} pre-keys, allowed are 1 to {FIRST_UPLOAD}")
    counters = _counters(state)
    found: list[PreKey] = []
    number = counters.next_upload_id
    while number != counters.next_id and len(found) < count:
        stored = _load(state, number)
        if stored is not None and not stored.reserved:
            found.append(stored)
        number = _following(number)
    while len(found) < count:
        made = PreKey(counters.next_id, KeyPair.generate(rng))
        _store(state, made)
        found.append(made)
        counters.next_id = _following(counters.next_id)
    state.put(COUNTERS, "", counters.SerializeToString())
    return found


def confirm_upload(state: StateWriter, uploaded: list[PreKey]) -> None:
    """The server has these keys: the next batch starts behind them."""
    counters = _counters(state)
    counters.next_upload_id = _following(uploaded[-1].id)
    state.put(COUNTERS, "", counters.SerializeToString())


def uploaded_before(state: StateReader) -> bool:
    """Whether any upload was ever confirmed."""
    return _counters(state).next_upload_id != 1


def fresh(state: StateWriter, rng: Rng) -> PreKey:
    """One new one-time key for a retry receipt, never offered in an upload."""
    counters = _counters(state)
    made = PreKey(counters.next_id, KeyPair.generate(rng), reserved=True)
    _store(state, made)
    counters.next_id = _following(made.id)
    state.put(COUNTERS, "", counters.SerializeToString())
    return made


def forget_old_reserved(state: StateWriter, keep: int) -> None:
    """Drop the oldest keys of retry receipts beyond `keep`: whoever has not used them by now never will."""
    reserved = [key_id for key_id in map(int, state.keys(PRE_KEYS)) if one_time(state, key_id).reserved]
    newest = _counters(state).next_id
    reserved.sort(key=lambda key_id: (newest - key_id) % MAX_ID)
    for key_id in reserved[keep:]:
        forget(state, key_id)


def one_time(state: StateReader, key_id: int) -> PreKey:
    """A stored one-time key; MissingPreKey when it is unknown or was used."""
    found = _load(state, key_id)
    if found is None:
        raise MissingPreKey(f"one-time pre-key {key_id} is not stored (any more)")
    return found


def forget(state: StateWriter, key_id: int) -> None:
    """The key was used: nobody may use it again."""
    state.delete(PRE_KEYS, str(key_id))


def rotate_signed(state: StateWriter, identity: LocalIdentity, now_s: float, rng: Rng) -> SignedPreKey:
    """A new signed pre-key, the current one from now on; some older ones are kept."""
    counters = _counters(state)
    key_id = _following(counters.signed_id)
    keys = KeyPair.generate(rng)
    made = SignedPreKey(key_id, keys, xeddsa.sign(identity.keys, keys.serialized, rng), int(now_s))
    packed = records.SignedPreKey(
        private=keys.private, public=keys.public, signature=made.signature, created_at=made.created_at
    )
    state.put(SIGNED_PRE_KEYS, str(key_id), packed.SerializeToString())
    counters.signed_id = key_id
    state.put(COUNTERS, "", counters.SerializeToString())
    for old in sorted(map(int, state.keys(SIGNED_PRE_KEYS)), key=lambda old: (key_id - old) % MAX_ID)[
        KEPT_SIGNED:
    ]:
        state.delete(SIGNED_PRE_KEYS, str(old))
    return made


def signed(state: StateReader, key_id: int | None = None) -> SignedPreKey:
    """A signed pre-key, the current one without an id; MissingPreKey when it is not stored."""
    if key_id is None:
        key_id = _counters(state).signed_id
    stored = state.get(SIGNED_PRE_KEYS, str(key_id))
    if stored is None:
        raise MissingPreKey(f"signed pre-key {key_id} is not stored")
    packed = parse_stored(records.SignedPreKey, stored)
    return SignedPreKey(key_id, KeyPair(packed.private, packed.public), packed.signature, packed.created_at)


def bundle(identity: LocalIdentity, signed_key: SignedPreKey, pre_key: PreKey | None = None) -> PreKeyBundle:
    """What others need to start a session with us."""
    return PreKeyBundle(
        registration_id=identity.registration_id,
        identity_key=identity.keys.public,
        signed_pre_key_id=signed_key.id,
        signed_pre_key=signed_key.keys.public,
        signature=signed_key.signature,
        pre_key_id=None if pre_key is None else pre_key.id,
        pre_key=None if pre_key is None else pre_key.keys.public,
    )


def _following(key_id: int) -> int:
    return key_id % MAX_ID + 1


def _counters(state: StateReader) -> records.PreKeyCounters:
    stored = state.get(COUNTERS, "")
    if stored is None:
        return records.PreKeyCounters(next_id=1, next_upload_id=1)
    return parse_stored(records.PreKeyCounters, stored)


def _load(state: StateReader, key_id: int) -> PreKey | None:
    stored = state.get(PRE_KEYS, str(key_id))
    if stored is None:
        return None
    packed = parse_stored(records.PreKey, stored)
    return PreKey(key_id, KeyPair(packed.private, packed.public), packed.reserved)


def _store(state: StateWriter, key: PreKey) -> None:
    packed = records.PreKey(private=key.keys.private, public=key.keys.public, reserved=key.reserved)
    state.put(PRE_KEYS, str(key.id), packed.SerializeToString())
