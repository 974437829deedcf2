"""A phone: device 0 of its account, with keys and Signal sessions of its own.

It reads what is written to the account, sends texts, asks for what it could not decrypt, and sends again what others
could not. People's hands are its methods; its own stanzas take the way of every other device's.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simulator.whatsapp.accounts import Account, Spot
from simulator.whatsapp.server_core import ServerCore
from whatsapp import prekeys, sender_key_readers, sender_keys, signal_cipher
from whatsapp.jid import Jid
from whatsapp.keys import KeyPair
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import PublicPreKey, Upload
from whatsapp.signal_cipher import SignalCipher
from whatsapp.signal_session import LocalIdentity, PreKeyBundle
from whatsapp.state import MemoryState, Recent, Transaction

INBOX = Recent("inbox", 2000)
IDENTITY = "own"


@dataclass(slots=True)
class Outside:
    """What a phone needs of the server. `send`: a stanza of the device; `bundle`: of another device, one-time key
    included.
    """

    send: Callable[[Spot, Node], None]
    bundle: Callable[[Spot], PreKeyBundle]


@dataclass(slots=True)
class Habits:
    """How a phone behaves. `reads`: it tells at once that it read a message. `refuses`: so many of the next
    messages it claims not to be able to decrypt.
    """

    reads: bool = False
    refuses: int = 0


class Phone:
    """`state`: its protocol state and inbox. Made by `create` or from stored rows."""

    def __init__(self, core: ServerCore, account: Account, outside: Outside, state: MemoryState) -> None:
        self.core = core
        self.account = account
        self.outside = outside
        self.state = state
        self.habits = Habits()
        self.switched_on = True
        stored = json.loads(state.get(IDENTITY, "") or b"{}")
        keys = KeyPair.from_private(bytes.fromhex(stored["identity"]))
        self.identity = LocalIdentity(keys, stored["registration_id"])
        self.cipher = SignalCipher(self.identity, core.rng)

    @staticmethod
    def first_state(core: ServerCore) -> MemoryState:
        """The state of a new phone: identity and signed pre-key."""
        state = MemoryState()
        identity = LocalIdentity(KeyPair.generate(core.rng), int.from_bytes(core.rng(2), "big") & 0x3FFF or 1)
        stored = {
            "identity": identity.keys.private.hex(),
            "registration_id": identity.registration_id,
        }
        with state.transaction() as tx:
            tx.put(IDENTITY, "", json.dumps(stored).encode())
            prekeys.rotate_signed(tx, identity, core.wall_s(), core.rng)
        return state

    @property
    def spot(self) -> Spot:
        return Spot(self.account, self.account.devices[0])

    @property
    def lid(self) -> Jid:
        return self.account.lid_jid()

    @contextmanager
    def turn(self) -> Iterator[Transaction]:
        """Changes that are kept, and made durable, when the block ends."""
        with self.state.transaction() as tx:
            yield tx
        for change in tx.changes():
            space = f"phone:{self.account.number}:{change.space}"
            if change.value is None:
                self.core.journal.delete(space, change.key)
            else:
                self.core.journal.put(space, change.key, change.value)

    def save_all(self) -> None:
        """Every row, for a phone that was just made."""
        for space, key, value in self.state.rows():
            self.core.journal.put(f"phone:{self.account.number}:{space}", key, value)

    def erase(self) -> None:
        """Nothing is stored of this phone any more."""
        with self.turn() as tx:
            for space in list(self.state.spaces):
                for key in tx.keys(space):
                    tx.delete(space, key)

    def new_keys(self) -> Upload:
        """One-time keys for others, and the bundle they come with."""
        with self.turn() as tx:
            made = prekeys.batch(tx, self.core.settings.phone_keys, self.core.rng)
            prekeys.confirm_upload(tx, made)
            signed = prekeys.signed(tx)
        keys = tuple(PublicPreKey(key.id, key.keys.public) for key in made)
        return Upload(prekeys.bundle(self.identity, signed), keys)

    def forget_sessions(self) -> None:
        """Nothing is known of any other device any more."""
        with self.turn() as tx:
            for space in (signal_cipher.SESSIONS, signal_cipher.IDENTITIES, sender_keys.SENDER_KEYS):
                for key in tx.keys(space):
                    tx.delete(space, key)
            sender_key_readers.forget_all(tx)

    def address(self, jid: Jid) -> str:
        """The Signal address of a device: always under its LID, which a phone knows of everybody."""
        account = self.core.accounts.of(jid)
        return jid.signal_address if account is None else account.lid_jid(jid.device).signal_address

    def keep(self, tx: Transaction, **entry: Any) -> None:
        """Something for the person to see."""
        number = int.from_bytes(tx.get(INBOX.space, "") or b"", "big") + 1
        INBOX.put(tx, f"{number:012}", json.dumps(entry).encode())

    def inbox(self) -> list[dict[str, Any]]:
        """Everything kept, oldest first."""
        keys = sorted(key for key in self.state.keys(INBOX.space) if key)
        return [json.loads(INBOX.get(self.state, key) or b"{}") for key in keys]
