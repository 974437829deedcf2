"""Asking a sender to encrypt a message again for us (protocol §13)."""

from whatsapp import prekeys
from whatsapp.message_source import MessageSource
from whatsapp.nodes import Attribute, Node
from whatsapp.prekey_nodes import registration_node, retry_children
from whatsapp.session_core import SessionCore
from whatsapp.state import Recent
from whatsapp.turn import Turn

MAX_REQUESTS = 5
MAX_STORED_KEYS = 2000  # one-time keys of all kinds; above it the oldest ones given out in retry receipts go
KEPT_KEYS = 500
_COUNTS = Recent("retry_count", 1000)


class RetryRequests:
    """Counts per message, so that two devices that cannot understand each other stop asking."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core

    def request(self, turn: Turn, node: Node, source: MessageSource, key: str, with_keys: bool) -> bool:
        """Send a retry receipt; False when the limit is reached. `key`: the message's in the processed ids."""
        count = int.from_bytes(_COUNTS.get(turn.tx, key) or b"", "big") + 1
        if count > MAX_REQUESTS:
            return False
        _COUNTS.put(turn.tx, key, bytes([count]))
        account = self._core.account
        retry = Node.make("retry", count=count, id=source.id, t=node.optional("t") or "0", v=1)
        children = [retry, registration_node(account.registration_id)]
        if with_keys or count > 1:
            if turn.tx.count(prekeys.PRE_KEYS) > MAX_STORED_KEYS:
                prekeys.forget_old_reserved(turn.tx, KEPT_KEYS)
            fresh = prekeys.fresh(turn.tx, self._core.rng)
            content = retry_children(
                account.local_identity, prekeys.signed(turn.tx), fresh, account.signed_identity or b""
            )
            children.append(Node("keys", {}, content))
        attrs: dict[str, Attribute] = {"id": source.id, "to": node.attrs["from"], "type": "retry"}
        attrs |= {name: node.attrs[name] for name in ("participant", "recipient") if name in node.attrs}
        turn.send(Node("receipt", attrs, tuple(children)))
        return True
