"""Which devices have our sender key of a group already (protocol §16)."""

import json
from collections.abc import Iterable

from whatsapp import sender_keys
from whatsapp.errors import StateCorrupt
from whatsapp.jid import Jid
from whatsapp.state import Recent, StateReader, StateWriter

_READERS = Recent("sender_key_readers", 1000)


def known(state: StateReader, group: Jid) -> frozenset[str]:
    """Signal addresses."""
    stored = _READERS.get(state, str(group))
    if stored is None:
        return frozenset()
    try:
        return frozenset(json.loads(stored))
    except (ValueError, TypeError):
        raise StateCorrupt(f"stored reader list of {len(stored)} bytes cannot be read") from None


def add(state: StateWriter, group: Jid, addresses: Iterable[str]) -> None:
    """These devices get the key with the message that is being composed."""
    together = sorted(known(state, group) | set(addresses))
    _READERS.put(state, str(group), json.dumps(together).encode())


def remove(state: StateWriter, group: Jid, address: str) -> None:
    """This device told that it cannot read us."""
    before = known(state, group)
    if address in before:
        _READERS.put(state, str(group), json.dumps(sorted(before - {address})).encode())


def rotate(state: StateWriter, group: Jid, own_address: str) -> None:
    """Somebody left: nobody has the key of the next message yet."""
    sender_keys.rotate(state, str(group), own_address)
    state.delete(_READERS.space, str(group))


def forget_all(state: StateWriter) -> None:
    """Nobody has a sender key of ours."""
    for group in state.keys(_READERS.space):
        if group:
            state.delete(_READERS.space, group)


def forget_user(state: StateWriter, signal_name: str) -> None:
    """The user's identity changed: their devices need the key again, in every group."""
    for group in state.keys(_READERS.space):
        if group:
            for address in known(state, Jid.parse(group)):
                if address.rpartition(".")[0] == signal_name:
                    remove(state, Jid.parse(group), address)
