"""Who we are: the keys of this companion device and, once linked, the account it belongs to (protocol §23)."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from whatsapp import prekeys
from whatsapp.errors import LocalProtocolError, NodeError, StateCorrupt
from whatsapp.jid import Jid
from whatsapp.keys import KEY_BYTES, KeyPair, Rng
from whatsapp.signal_session import LocalIdentity
from whatsapp.state import StateReader, StateWriter

ACCOUNT = "account"
REGISTRATION_MASK = 0x3FFF


@dataclass(frozen=True, slots=True)
class Account:
    """`signed_identity`: the account's signature over our identity, None until linked; then `jid` is set, too.

    `jid`, `lid`: this device's two addresses. `platform`, `business_name`: what the phone said about itself.
    """

    noise: KeyPair
    identity: KeyPair
    registration_id: int
    adv_secret: bytes = field(repr=False)
    signed_identity: bytes | None = field(default=None, repr=False)
    jid: Jid | None = None
    lid: Jid | None = None
    platform: str = ""
    push_name: str = ""
    business_name: str = ""

    @classmethod
    def create(cls, state: StateWriter, rng: Rng, wall_s: float) -> "Account":
        """New keys for a device that is not linked yet, stored together with a first signed pre-key."""
        registration_id = int.from_bytes(rng(2), "big") & REGISTRATION_MASK or 1
        made = cls(KeyPair.generate(rng), KeyPair.generate(rng), registration_id, rng(KEY_BYTES))
        prekeys.rotate_signed(state, made.local_identity, wall_s, rng)
        made.save(state)
        return made

    @classmethod
    def load(cls, state: StateReader) -> "Account | None":
        """The stored account, None when there is none; StateCorrupt when it cannot be read."""
        stored = state.get(ACCOUNT, "")
        if stored is None:
            return None
        try:
            return _unpack(json.loads(stored))
        except (ValueError, KeyError, TypeError, LocalProtocolError, NodeError):
            raise StateCorrupt(f"stored account of {len(stored)} bytes cannot be read") from None

    def save(self, state: StateWriter) -> None:
        state.put(ACCOUNT, "", json.dumps(_pack(self)).encode())

    def with_(self, **changes: Any) -> "Account":
        return replace(self, **changes)

    @property
    def linked(self) -> bool:
        return self.jid is not None and self.signed_identity is not None

    @property
    def local_identity(self) -> LocalIdentity:
        return LocalIdentity(self.identity, self.registration_id)

    @property
    def own_jid(self) -> Jid:
        """Our phone number address; LocalProtocolError before the link."""
        if self.jid is None:
            raise LocalProtocolError("this device is not linked to an account")
        return self.jid

    @property
    def main(self) -> Jid:
        """The address that others know this device by: the LID where there is one."""
        return self.lid or self.own_jid

    def is_own(self, jid: Jid) -> bool:
        """Whether an address belongs to our account, whichever device."""
        user = jid.without_device
        return any(own is not None and own.without_device == user for own in (self.jid, self.lid))

    def is_this_device(self, jid: Jid) -> bool:
        return self.is_own(jid) and jid.device == self.own_jid.device


def _pack(account: Account) -> dict[str, Any]:
    return {
        "noise": account.noise.private.hex(),
        "identity": account.identity.private.hex(),
        "registration_id": account.registration_id,
        "adv_secret": account.adv_secret.hex(),
        "signed_identity": None if account.signed_identity is None else account.signed_identity.hex(),
        "jid": None if account.jid is None else str(account.jid),
        "lid": None if account.lid is None else str(account.lid),
        "platform": account.platform,
        "push_name": account.push_name,
        "business_name": account.business_name,
    }


def _unpack(data: dict[str, Any]) -> Account:
    signed, jid, lid = data["signed_identity"], data["jid"], data["lid"]
    return Account(
        KeyPair.from_private(bytes.fromhex(data["noise"])),
        KeyPair.from_private(bytes.fromhex(data["identity"])),
        int(data["registration_id"]),
        bytes.fromhex(data["adv_secret"]),
        None if signed is None else bytes.fromhex(signed),
        None if jid is None else Jid.parse(jid),
        None if lid is None else Jid.parse(lid),
        str(data["platform"]),
        str(data["push_name"]),
        str(data["business_name"]),
    )
