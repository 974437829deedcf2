"""One Signal session: X3DH and the double ratchet (protocol §11.2, §11.3).

A `Session` is a value: encrypting and decrypting return a new one, so nothing has changed when they raise. The
caller stores the new value before the ciphertext leaves or the plaintext is used.
"""

from dataclasses import dataclass, field, replace

from whatsapp import cbc, xeddsa
from whatsapp.errors import InvalidSignature, LocalProtocolError
from whatsapp.keys import KeyPair, Rng, agree, serialize_public
from whatsapp.signal_messages import PreKeySignalMessage, SignalMessage, build_signal_message
from whatsapp.signal_ratchet import MAX_SKIP, MessageKeys, advance, ratchet_step, session_keys, take_seed

MAX_RECEIVING_CHAINS = 5
MAX_SKIPPED = MAX_SKIP  # seeds kept per session, over all its chains
MAX_COUNTER = 2**32 - 1


@dataclass(frozen=True, slots=True)
class LocalIdentity:
    """Who we are towards other devices."""

    keys: KeyPair
    registration_id: int


@dataclass(frozen=True, slots=True)
class PreKeyBundle:
    """What a device publishes so that others can start a session with it; keys are 32 bytes."""

    registration_id: int
    identity_key: bytes
    signed_pre_key_id: int
    signed_pre_key: bytes
    signature: bytes
    pre_key_id: int | None = None
    pre_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class ReceivingChain:
    """Messages from one ratchet key of the peer; `counter`: the next one; `skipped`: seeds of missing ones."""

    ratchet_key: bytes
    key: bytes = field(repr=False)
    counter: int = 0
    skipped: dict[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SendingChain:
    """Our messages under the current ratchet key; `counter`: the next one."""

    key: bytes = field(repr=False)
    counter: int = 0


@dataclass(frozen=True, slots=True)
class Pending:
    """The peer's keys that we used; sent along until its first answer decrypts."""

    pre_key_id: int | None
    signed_pre_key_id: int


@dataclass(frozen=True, slots=True)
class Session:
    """Everything about one session. `sending` None: a restored copy that may only receive until it has ratcheted.

    `base_key`: the initiator's, by which a repeated pkmsg is recognised. `receiving`: oldest chain first.
    """

    local_identity: bytes
    remote_identity: bytes
    local_registration_id: int
    remote_registration_id: int
    base_key: bytes
    root_key: bytes = field(repr=False)
    ratchet: KeyPair
    sending: SendingChain | None
    previous_counter: int = 0
    receiving: tuple[ReceivingChain, ...] = ()
    pending: Pending | None = None

    @property
    def can_send(self) -> bool:
        return self.sending is not None and self.sending.counter <= MAX_COUNTER

    def chain_for(self, ratchet_key: bytes) -> ReceivingChain | None:
        """The receiving chain of this ratchet key of the peer, if it is known."""
        return next((chain for chain in self.receiving if chain.ratchet_key == ratchet_key), None)


def initiate(local: LocalIdentity, bundle: PreKeyBundle, rng: Rng) -> Session:
    """A new session with the device that published the bundle. Raises InvalidSignature for a forged bundle."""
    if not xeddsa.verify(bundle.identity_key, serialize_public(bundle.signed_pre_key), bundle.signature):
        raise InvalidSignature("the signed pre-key is not signed by the bundle's identity")
    base, ratchet = KeyPair.generate(rng), KeyPair.generate(rng)
    one_time = () if bundle.pre_key is None else (base.agree(bundle.pre_key),)
    root_key, chain_key = session_keys(
        local.keys.agree(bundle.signed_pre_key),
        base.agree(bundle.identity_key),
        base.agree(bundle.signed_pre_key),
        *one_time,
    )
    root_key, sending_key = ratchet_step(root_key, ratchet.agree(bundle.signed_pre_key))
    return Session(
        local_identity=local.keys.public,
        remote_identity=bundle.identity_key,
        local_registration_id=local.registration_id,
        remote_registration_id=bundle.registration_id,
        base_key=base.public,
        root_key=root_key,
        ratchet=ratchet,
        sending=SendingChain(sending_key),
        receiving=(ReceivingChain(bundle.signed_pre_key, chain_key),),
        pending=Pending(None if bundle.pre_key is None else bundle.pre_key_id, bundle.signed_pre_key_id),
    )


def respond(
    local: LocalIdentity, message: PreKeySignalMessage, signed_pre_key: KeyPair, pre_key: KeyPair | None
) -> Session:
    """The session that the sender of a pkmsg has; proven only when its message decrypts."""
    one_time = () if pre_key is None else (pre_key.agree(message.base_key),)
    root_key, chain_key = session_keys(
        signed_pre_key.agree(message.identity_key),
        local.keys.agree(message.base_key),
        signed_pre_key.agree(message.base_key),
        *one_time,
    )
    return Session(
        local_identity=local.keys.public,
        remote_identity=message.identity_key,
        local_registration_id=local.registration_id,
        remote_registration_id=message.registration_id,
        base_key=message.base_key,
        root_key=root_key,
        ratchet=signed_pre_key,
        sending=SendingChain(chain_key),
    )


def encrypt(session: Session, plaintext: bytes) -> tuple[Session, str, bytes]:
    """The session afterwards, the `enc` type ("pkmsg" until the peer has answered, then "msg") and the bytes."""
    if session.sending is None or not session.can_send:
        raise LocalProtocolError("this session cannot send: start a new one from the peer's bundle")
    seed, next_key = advance(session.sending.key)
    keys = MessageKeys.from_seed(seed)
    message = build_signal_message(
        mac_key=keys.mac_key,
        sender=session.local_identity,
        receiver=session.remote_identity,
        ratchet_key=session.ratchet.public,
        counter=session.sending.counter,
        previous_counter=session.previous_counter,
        ciphertext=cbc.encrypt(keys.cipher_key, keys.iv, plaintext),
    )
    after = replace(session, sending=SendingChain(next_key, session.sending.counter + 1))
    if session.pending is None:
        return after, "msg", message
    return after, "pkmsg", _wrap(session, session.pending, message)


def _wrap(session: Session, pending: Pending, message: bytes) -> bytes:
    return PreKeySignalMessage(
        registration_id=session.local_registration_id,
        pre_key_id=pending.pre_key_id,
        signed_pre_key_id=pending.signed_pre_key_id,
        base_key=session.base_key,
        identity_key=session.local_identity,
        message=message,
    ).serialize()


def decrypt(session: Session, message: SignalMessage, rng: Rng) -> tuple[Session, bytes]:
    """The session afterwards and the plaintext.

    Raises InvalidMac (not of this session), DuplicateMessage, TooFarAhead, or MessageFormatError when the padding
    inside is wrong.
    """
    chain = session.chain_for(message.ratchet_key)
    stepped_root: bytes | None = None
    if chain is None:
        agreement = agree(session.ratchet.private, message.ratchet_key)
        stepped_root, chain_key = ratchet_step(session.root_key, agreement)
        chain = ReceivingChain(message.ratchet_key, chain_key)
    seed, key, counter, skipped = take_seed(chain.key, chain.counter, chain.skipped, message.counter)
    keys = MessageKeys.from_seed(seed)
    message.check_mac(keys.mac_key, session.remote_identity, session.local_identity)
    plaintext = cbc.decrypt(keys.cipher_key, keys.iv, message.ciphertext)
    used = ReceivingChain(message.ratchet_key, key, counter, skipped)
    after = replace(session, receiving=_with_chain(session.receiving, used), pending=None)
    if stepped_root is not None:
        after = _step_sending(after, stepped_root, message.ratchet_key, rng)
    return after, plaintext


def _step_sending(session: Session, root_key: bytes, their_ratchet: bytes, rng: Rng) -> Session:
    ratchet = KeyPair.generate(rng)
    root_key, sending_key = ratchet_step(root_key, ratchet.agree(their_ratchet))
    sent = session.sending.counter if session.sending is not None else 0
    return replace(
        session,
        root_key=root_key,
        ratchet=ratchet,
        sending=SendingChain(sending_key),
        previous_counter=max(sent - 1, 0),
    )


def _with_chain(chains: tuple[ReceivingChain, ...], used: ReceivingChain) -> tuple[ReceivingChain, ...]:
    """The chains with `used` in its place or at the end; the oldest chains and skipped seeds give way."""
    if any(chain.ratchet_key == used.ratchet_key for chain in chains):
        kept = tuple(used if chain.ratchet_key == used.ratchet_key else chain for chain in chains)
    else:
        kept = (*chains, used)[-MAX_RECEIVING_CHAINS:]
    return forget_skipped(kept, MAX_SKIPPED)


def forget_skipped(chains: tuple[ReceivingChain, ...], limit: int) -> tuple[ReceivingChain, ...]:
    """The chains with at most `limit` skipped seeds in all; the oldest ones give way."""
    surplus = sum(len(chain.skipped) for chain in chains) - limit
    if surplus <= 0:
        return chains
    kept = []
    for chain in chains:
        dropped = min(max(surplus, 0), len(chain.skipped))
        surplus -= dropped
        kept.append(replace(chain, skipped=dict(list(chain.skipped.items())[dropped:])))
    return tuple(kept)
