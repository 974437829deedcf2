"""Keeping the server stocked with our pre-keys (protocol §10)."""

from whatsapp import prekeys
from whatsapp.nodes import Node
from whatsapp.prekey_nodes import signed_key_node, upload_children
from whatsapp.queries import Answer
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

ROTATE_AFTER_S = 30 * 86_400.0
PUBLISHED = "signed_published"  # the id of the signed key that the server is known to have


class PreKeyUpkeep:
    """Asks how many one-time keys are left, uploads more when they run low, renews the signed one once a month."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self._uploading = False

    def restart(self) -> None:
        """A new connection."""
        self._uploading = False

    def check(self, turn: Turn) -> None:
        """After login."""
        self._core.ask(turn, "encrypt", "get", (Node("count"),), self._counted)
        signed = prekeys.signed(turn.tx)
        if self._core.wall_s() - signed.created_at > ROTATE_AFTER_S:
            self._rotate(turn)
        elif turn.tx.get(PUBLISHED, "") not in (None, str(signed.id).encode()):
            self._publish(turn)

    def running_low(self, turn: Turn, count: int) -> None:
        """The server holds this many one-time keys."""
        size = prekeys.upload_size(count, prekeys.uploaded_before(turn.tx))
        if size and not self._uploading:
            self._upload(turn, min(size, self._core.settings.first_upload))

    def _counted(self, turn: Turn, answer: Answer) -> None:
        if isinstance(answer, Node):
            self.running_low(turn, answer.need("count").int_attr("value"))

    def _upload(self, turn: Turn, size: int) -> None:
        keys = prekeys.batch(turn.tx, size, self._core.rng)
        identity = self._core.account.local_identity
        signed = prekeys.signed(turn.tx)
        content = upload_children(identity, signed, keys)
        self._uploading = True

        def done(turn: Turn, answer: Answer) -> None:
            self._uploading = False
            if isinstance(answer, Node):
                prekeys.confirm_upload(turn.tx, keys)
                _mark_published(turn, signed.id)

        self._core.ask(turn, "encrypt", "set", content, done)

    def _rotate(self, turn: Turn) -> None:
        """A new signed key, stored before the server hears of it."""
        account = self._core.account
        prekeys.rotate_signed(turn.tx, account.local_identity, self._core.wall_s(), self._core.rng)
        self._publish(turn)

    def _publish(self, turn: Turn) -> None:
        """Tell the server the current signed key; what fails is tried again after the next login."""
        signed = prekeys.signed(turn.tx)
        rotate = Node("rotate", {}, (signed_key_node(signed),))

        def done(turn: Turn, answer: Answer) -> None:
            if isinstance(answer, Node):
                _mark_published(turn, signed.id)

        self._core.ask(turn, "encrypt", "set", (rotate,), done)


def _mark_published(turn: Turn, signed_id: int) -> None:
    turn.tx.put(PUBLISHED, "", str(signed_id).encode())
