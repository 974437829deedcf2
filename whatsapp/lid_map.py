"""Which phone number belongs to which LID, both directions by user part (protocol §14)."""

from collections.abc import Iterable

from whatsapp import sender_keys, signal_cipher
from whatsapp.jid import DOMAIN_BYTES, LID_SERVER, USER_SERVER, Jid
from whatsapp.state import Recent, StateReader, StateWriter

LIMIT = 20_000
_LIDS = Recent("lid_of_pn", LIMIT)
_PNS = Recent("pn_of_lid", LIMIT)


def learn(state: StateWriter, one: Jid, other: Jid) -> None:
    """Store a pair, in whichever order. The number's Signal sessions and sender keys move to the LID."""
    learn_all(state, [(one, other)])


def learn_all(state: StateWriter, pairs: Iterable[tuple[Jid, Jid]]) -> None:
    """Store many pairs; what is stored under numbers is looked through only once."""
    named: frozenset[str] | None = None
    for one, other in pairs:
        pn, lid = (one, other) if one.is_pn else (other, one)
        if not (pn.is_pn and lid.is_lid and _plain(pn) and _plain(lid)):
            continue
        if _LIDS.get(state, pn.user) == lid.user.encode():
            continue
        _LIDS.put(state, pn.user, lid.user.encode())
        _PNS.put(state, lid.user, pn.user.encode())
        named = _names(state) if named is None else named
        if pn.user in named:
            names = pn.user, f"{lid.user}_{DOMAIN_BYTES[LID_SERVER]}"
            signal_cipher.migrate_user(state, *names)
            sender_keys.migrate_sender(state, *names)


def lid_of(state: StateReader, jid: Jid) -> Jid | None:
    """The LID of this user, with the same device; None when it is not known."""
    if jid.is_lid:
        return Jid(jid.user, LID_SERVER, jid.device)
    found = _LIDS.get(state, jid.user) if jid.is_pn and jid.user else None
    return None if found is None else Jid(found.decode(), LID_SERVER, jid.device)


def pn_of(state: StateReader, jid: Jid) -> Jid | None:
    """The phone number of this user, with the same device; None when it is not known."""
    if jid.is_pn:
        return Jid(jid.user, USER_SERVER, jid.device)
    found = _PNS.get(state, jid.user) if jid.is_lid and jid.user else None
    return None if found is None else Jid(found.decode(), USER_SERVER, jid.device)


def addressed_as(state: StateReader, device: Jid, lid: bool) -> Jid:
    """The device as a stanza of one kind of addressing names it; as it is when the other address is not known."""
    if device.is_hosted:
        return device
    return (lid_of(state, device) if lid else pn_of(state, device)) or device


def signal_address(state: StateReader, jid: Jid) -> str:
    """Where the Signal session with this device is kept: under the LID as soon as it is known."""
    if jid.is_hosted:
        return jid.signal_address
    return (lid_of(state, jid) or jid).signal_address


def _names(state: StateReader) -> frozenset[str]:
    """The Signal names that anything is stored under."""
    addresses = [*state.keys(signal_cipher.SESSIONS), *state.keys(signal_cipher.IDENTITIES)]
    addresses += [name.partition("/")[2] for name in state.keys(sender_keys.SENDER_KEYS)]
    return frozenset(address.rpartition(".")[0] for address in addresses)


def _plain(jid: Jid) -> bool:
    return jid.user.isascii() and jid.user.isdigit()
