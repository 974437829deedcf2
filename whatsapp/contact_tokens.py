"""The privacy tokens of our contacts, stored (protocol §15): what is attached to one-to-one messages."""

from collections.abc import Callable

from whatsapp import lid_map, privacy_tokens
from whatsapp.jid import Jid
from whatsapp.nodes import Node
from whatsapp.state import Recent, StateReader, StateWriter

MAX_TOKEN_BYTES = 1024
_RECEIVED = Recent("tc_token", 5000)
_ISSUED = Recent("tc_issued", 5000)
SALT = "nct_salt"


def store_token(state: StateWriter, contact: Jid, token: bytes, at_s: int) -> None:
    """A contact's token, of that epoch time; an older one never replaces a newer one."""
    name = _name(state, contact)
    if not (name and 0 < len(token) <= MAX_TOKEN_BYTES and 0 <= at_s < 1 << 63):
        return
    known = _RECEIVED.get(state, name)
    if known is None or int.from_bytes(known[:8], "big") <= at_s:
        _RECEIVED.put(state, name, at_s.to_bytes(8, "big") + token)


def store_salt(state: StateWriter, salt: bytes) -> None:
    if 0 < len(salt) <= MAX_TOKEN_BYTES:
        state.put(SALT, "", salt)


def token_nodes(state: StateReader, recipient: Jid, wall_s: float) -> tuple[Node, ...]:
    """What vouches for us in a message to this user: their token, else one made from the salt, else nothing."""
    stored = _RECEIVED.get(state, _name(state, recipient) or "-")
    if stored is not None and privacy_tokens.token_is_valid(int.from_bytes(stored[:8], "big"), wall_s):
        return (Node("tctoken", {}, stored[8:]),)
    salt, lid = state.get(SALT, ""), lid_map.lid_of(state, recipient)
    if salt is not None and lid is not None:
        return (Node("cstoken", {}, privacy_tokens.cstoken(salt, lid)),)
    return ()


def issue(state: StateWriter, recipient: Jid, wall_s: float, ask: Callable[[tuple[Node, ...]], None]) -> None:
    """Give the user a token of ours, once a week in which we write. `ask`: sends the privacy `iq`."""
    name = _name(state, recipient)
    before = _ISSUED.get(state, name or "-")
    if name and privacy_tokens.should_issue(
        None if before is None else int.from_bytes(before, "big"), wall_s
    ):
        _ISSUED.put(state, name, int(wall_s).to_bytes(8, "big"))
        token = Node.make("token", jid=recipient.without_device, t=int(wall_s), type="trusted_contact")
        ask((Node("tokens", {}, (token,)),))


def _name(state: StateReader, jid: Jid) -> str:
    return (lid_map.lid_of(state, jid) or jid).user if jid.is_user else ""
