"""All sessions with one device: the current one and archived ones for late messages (protocol §11.3)."""

from dataclasses import dataclass, replace

from whatsapp import records_pb2 as records
from whatsapp.errors import DuplicateMessage, InvalidMac, NoSession, SignalError, TooFarAhead
from whatsapp.keys import KeyPair, Rng
from whatsapp.protobufs import parse_stored
from whatsapp.signal_messages import SignalMessage
from whatsapp.signal_session import Pending, ReceivingChain, SendingChain, Session, decrypt, forget_skipped

MAX_ARCHIVED = 40
MAX_ARCHIVED_SKIPPED = 2000  # seeds kept over all archived sessions: a record stays below 250 kB


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A value like `Session`; `archived`: the most recent first."""

    current: Session | None = None
    archived: tuple[Session, ...] = ()

    @property
    def sessions(self) -> tuple[Session, ...]:
        return self.archived if self.current is None else (self.current, *self.archived)

    def find(self, base_key: bytes, identity_key: bytes) -> Session | None:
        """The session that a pkmsg with these keys has set up before."""
        for session in self.sessions:
            if session.base_key == base_key and session.remote_identity == identity_key:
                return session
        return None

    def promote(self, session: Session) -> "SessionRecord":
        """Make a session the current one; the one before it is archived, an older state of itself forgotten."""
        others = tuple(other for other in self.sessions if other.base_key != session.base_key)
        return SessionRecord(session, _bounded(others))

    def archive_current(self) -> "SessionRecord":
        """Nothing to send with until a new session exists; late messages still decrypt."""
        return SessionRecord(None, _bounded(self.sessions))

    def retire(self) -> "SessionRecord":
        """What may be used of a restored copy: no sending chain at all, or message keys would be used twice."""
        stopped = tuple(replace(session, sending=None, pending=None) for session in self.sessions)
        return SessionRecord(None, _bounded(stopped))

    def decrypt(self, message: SignalMessage, rng: Rng) -> tuple["SessionRecord", bytes]:
        """The record afterwards and the plaintext; the session that decrypts becomes the current one.

        A session that knows the message's ratchet key decides alone; otherwise all are tried, current one first.
        Raises NoSession, DuplicateMessage, TooFarAhead or InvalidMac (none of them fits).
        """
        if not self.sessions:
            raise NoSession("no session with this device")
        knowing = tuple(session for session in self.sessions if session.chain_for(message.ratchet_key))
        failure: SignalError = InvalidMac("no session with this device decrypts the message")
        for session in knowing or self.sessions:
            try:
                after, plaintext = decrypt(session, message, rng)
            except InvalidMac:
                continue
            except (DuplicateMessage, TooFarAhead) as error:
                failure = error
                continue
            return self.promote(after), plaintext
        raise failure

    def pack(self) -> bytes:
        """For the store."""
        record = records.SessionRecord(archived=[_pack(session) for session in self.archived])
        if self.current is not None:
            record.current.CopyFrom(_pack(self.current))
        return record.SerializeToString()

    @classmethod
    def unpack(cls, data: bytes) -> "SessionRecord":
        """The inverse of `pack`; StateCorrupt for anything that it did not write."""
        record = parse_stored(records.SessionRecord, data)
        current = _unpack(record.current) if record.HasField("current") else None
        return cls(current, tuple(_unpack(session) for session in record.archived))


def _bounded(archived: tuple[Session, ...]) -> tuple[Session, ...]:
    """The most recent sessions; skipped seeds are kept for the most recent ones only."""
    left = MAX_ARCHIVED_SKIPPED
    kept = []
    for session in archived[:MAX_ARCHIVED]:
        receiving = forget_skipped(session.receiving, left)
        left -= sum(len(chain.skipped) for chain in receiving)
        kept.append(session if receiving is session.receiving else replace(session, receiving=receiving))
    return tuple(kept)


def _pack(session: Session) -> records.Session:
    packed = records.Session(
        local_identity=session.local_identity,
        remote_identity=session.remote_identity,
        local_registration_id=session.local_registration_id,
        remote_registration_id=session.remote_registration_id,
        base_key=session.base_key,
        root_key=session.root_key,
        ratchet_private=session.ratchet.private,
        ratchet_public=session.ratchet.public,
        previous_counter=session.previous_counter,
        receiving=[_pack_chain(chain) for chain in session.receiving],
    )
    if session.sending is not None:
        packed.sending.key = session.sending.key
        packed.sending.counter = session.sending.counter
    if session.pending is not None:
        packed.pending.signed_pre_key_id = session.pending.signed_pre_key_id
        if session.pending.pre_key_id is not None:
            packed.pending.pre_key_id = session.pending.pre_key_id
    return packed


def _pack_chain(chain: ReceivingChain) -> records.Session.ReceivingChain:
    skipped = [
        records.Session.SkippedKey(counter=counter, seed=seed) for counter, seed in chain.skipped.items()
    ]
    return records.Session.ReceivingChain(
        ratchet_key=chain.ratchet_key, key=chain.key, counter=chain.counter, skipped=skipped
    )


def _unpack(packed: records.Session) -> Session:
    pending = None
    if packed.HasField("pending"):
        pre_key_id = packed.pending.pre_key_id if packed.pending.HasField("pre_key_id") else None
        pending = Pending(pre_key_id, packed.pending.signed_pre_key_id)
    return Session(
        local_identity=packed.local_identity,
        remote_identity=packed.remote_identity,
        local_registration_id=packed.local_registration_id,
        remote_registration_id=packed.remote_registration_id,
        base_key=packed.base_key,
        root_key=packed.root_key,
        ratchet=KeyPair(packed.ratchet_private, packed.ratchet_public),
        sending=SendingChain(packed.sending.key, packed.sending.counter)
        if packed.HasField("sending")
        else None,
        previous_counter=packed.previous_counter,
        receiving=tuple(_unpack_chain(chain) for chain in packed.receiving),
        pending=pending,
    )


def _unpack_chain(packed: records.Session.ReceivingChain) -> ReceivingChain:
    skipped = {key.counter: key.seed for key in packed.skipped}
    return ReceivingChain(packed.ratchet_key, packed.key, packed.counter, skipped)
