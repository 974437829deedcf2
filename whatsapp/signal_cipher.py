"""End-to-end encryption with one device, on stored state (protocol §11).

Every function works inside the caller's transaction; when one raises, the caller drops the transaction (or a
nested one), so a message that does not authenticate changes nothing.
"""

from dataclasses import dataclass, field

from whatsapp import prekeys
from whatsapp.errors import LocalProtocolError, MessageFormatError, UntrustedIdentity
from whatsapp.keys import Rng
from whatsapp.signal_messages import PreKeySignalMessage, SignalMessage
from whatsapp.signal_record import SessionRecord
from whatsapp.signal_session import LocalIdentity, PreKeyBundle, decrypt, encrypt, initiate, respond
from whatsapp.state import StateReader, StateWriter

SESSIONS = "session"
IDENTITIES = "identity"


@dataclass(frozen=True, slots=True)
class Encrypted:
    """What goes into an `enc` node; `type`: "pkmsg" or "msg"."""

    type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Decrypted:
    """A decrypted message, still padded. `identity`: the sender's key; `identity_changed`: another one was known."""

    plaintext: bytes = field(repr=False)
    identity: bytes
    identity_changed: bool = False


@dataclass(frozen=True, slots=True)
class SignalCipher:
    """Encrypts to and decrypts from devices named by their Signal address (`Jid.signal_address`).

    `accept_new_identities`: whether a changed identity key is stored and reported (what the official clients do),
    or refused with UntrustedIdentity.
    """

    identity: LocalIdentity
    rng: Rng
    accept_new_identities: bool = True

    def encrypt(self, state: StateWriter, address: str, plaintext: bytes) -> Encrypted:
        """LocalProtocolError when there is no session to send with: fetch the bundle first."""
        record = load_record(state, address)
        if record.current is None:
            raise LocalProtocolError("no session to send with: process the device's bundle first")
        session, kind, data = encrypt(record.current, plaintext)
        _save(state, address, SessionRecord(session, record.archived))
        return Encrypted(kind, data)

    def decrypt(self, state: StateWriter, address: str, kind: str, data: bytes) -> Decrypted:
        """`kind`: the `enc` type. Raises SignalError or MessageFormatError; the transaction must then be dropped."""
        match kind:
            case "msg":
                return self._decrypt_message(state, address, SignalMessage.parse(data))
            case "pkmsg":
                return self._decrypt_pre_key_message(state, address, PreKeySignalMessage.parse(data))
            case _:
                raise MessageFormatError(f"encryption type {kind[:16]!r}, known are pkmsg and msg")

    def start_session(self, state: StateWriter, address: str, bundle: PreKeyBundle) -> bool:
        """A new current session from a fetched bundle; True when the device's identity key changed.

        Raises InvalidSignature for a forged bundle, UntrustedIdentity if changes are refused.
        """
        session = initiate(self.identity, bundle, self.rng)
        changed = self._trust(state, address, bundle.identity_key)
        record = SessionRecord() if changed else load_record(state, address)
        _save(state, address, record.promote(session))
        return changed

    def _decrypt_message(self, state: StateWriter, address: str, message: SignalMessage) -> Decrypted:
        record, plaintext = load_record(state, address).decrypt(message, self.rng)
        _save(state, address, record)
        assert record.current is not None
        return Decrypted(plaintext, record.current.remote_identity)

    def _decrypt_pre_key_message(
        self, state: StateWriter, address: str, message: PreKeySignalMessage
    ) -> Decrypted:
        inner = SignalMessage.parse(message.message)
        record = load_record(state, address)
        if record.find(message.base_key, message.identity_key) is not None:
            return self._decrypt_message(state, address, inner)
        signed = prekeys.signed(state, message.signed_pre_key_id)
        one_time = None if message.pre_key_id is None else prekeys.one_time(state, message.pre_key_id)
        session = respond(self.identity, message, signed.keys, None if one_time is None else one_time.keys)
        session, plaintext = decrypt(session, inner, self.rng)
        changed = self._trust(state, address, message.identity_key)
        _save(state, address, (SessionRecord() if changed else record).promote(session))
        if one_time is not None:
            prekeys.forget(state, one_time.id)
        return Decrypted(plaintext, message.identity_key, changed)

    def _trust(self, state: StateWriter, address: str, identity_key: bytes) -> bool:
        known = state.get(IDENTITIES, address)
        changed = known is not None and known != identity_key
        if changed and not self.accept_new_identities:
            raise UntrustedIdentity("the device's identity key is not the one stored")
        if known != identity_key:
            state.put(IDENTITIES, address, identity_key)
        return changed


def load_record(state: StateReader, address: str) -> SessionRecord:
    """The sessions with a device; an empty record when there are none."""
    stored = state.get(SESSIONS, address)
    return SessionRecord() if stored is None else SessionRecord.unpack(stored)


def can_send(state: StateReader, address: str) -> bool:
    """Whether a message to the device can be encrypted without fetching its bundle."""
    current = load_record(state, address).current
    return current is not None and current.can_send


def remote_registration_id(state: StateReader, address: str) -> int | None:
    """The registration id that the device had in the current session."""
    current = load_record(state, address).current
    return None if current is None else current.remote_registration_id


def archive_session(state: StateWriter, address: str) -> None:
    """Stop sending in the current session; the next message needs a fresh bundle."""
    if state.get(SESSIONS, address) is not None:
        _save(state, address, load_record(state, address).archive_current())


def forget_user(state: StateWriter, signal_name: str) -> None:
    """The user's identity changed (protocol §18): sessions and identities of all its devices go."""
    for space in (SESSIONS, IDENTITIES):
        for address in addresses(state, space, signal_name):
            state.delete(space, address)


def migrate_user(state: StateWriter, old_name: str, new_name: str) -> int:
    """Move sessions and identities to another name, device by device, where none exists yet (protocol §14).

    Returns how many sessions moved; what is not moved because the new name has one is deleted.
    """
    moved = 0
    for space in (SESSIONS, IDENTITIES):
        for address in addresses(state, space, old_name):
            target = f"{new_name}.{address.rpartition('.')[2]}"
            value = state.get(space, address)
            if value is not None and state.get(space, target) is None:
                state.put(space, target, value)
                moved += space == SESSIONS
            state.delete(space, address)
    return moved


def retire_all(state: StateWriter) -> None:
    """Make a restored copy safe: no sending chain is ever used again."""
    for address in state.keys(SESSIONS):
        _save(state, address, load_record(state, address).retire())


def addresses(state: StateReader, space: str, signal_name: str) -> list[str]:
    """The stored addresses of one user's devices."""
    prefix = f"{signal_name}."
    return [address for address in state.keys(space) if address.startswith(prefix)]


def _save(state: StateWriter, address: str, record: SessionRecord) -> None:
    state.put(SESSIONS, address, record.pack())
