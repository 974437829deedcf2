"""Questions to the server and their answers, matched by id (protocol §8), each with a deadline.

The continuation of a question is called exactly once: with the answer, or with a `QueryFailure` when the server
refuses, answers nonsense, stays silent, or the connection goes away.
"""

from collections.abc import Callable
from dataclasses import dataclass

from whatsapp.errors import ProtocolError
from whatsapp.jid import SERVER, Jid
from whatsapp.keys import Rng
from whatsapp.nodes import Attribute, Content, Node
from whatsapp.turn import Turn

TIMER = "queries"
MAX_PENDING = 1000
LOST, TIMED_OUT, MALFORMED, BUSY = (
    "connection lost",
    "no answer in time",
    "malformed answer",
    "too many queries",
)


@dataclass(frozen=True, slots=True)
class QueryFailure:
    """`code`: the server's error code, 0 when there was none. `retry`: whether asking again can help."""

    text: str
    code: int = 0
    retry: bool = True


Answer = Node | QueryFailure
Then = Callable[[Turn, Answer], None]


@dataclass(frozen=True, slots=True)
class _Pending:
    then: Then
    deadline_s: float


class Queries:
    """The open questions of one connection."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._pending: dict[str, _Pending] = {}
        self._prefix = ""
        self._count = 0

    def restart(self) -> None:
        """A new connection: ids that no earlier one used."""
        self._prefix = self._rng(4).hex()
        self._count = 0

    def next_id(self) -> str:
        self._count += 1
        return f"{self._prefix}-{self._count}"

    def ask(
        self,
        turn: Turn,
        xmlns: str,
        type_: str,
        content: Content,
        then: Then,
        timeout_s: float,
        to: Jid = SERVER,
    ) -> None:
        """Send an `iq` ("get" or "set"); `then` gets its result."""
        iq_id = self.next_id()
        attrs: dict[str, Attribute] = {"id": iq_id, "to": to, "type": type_, "xmlns": xmlns}
        if self.expect(turn, iq_id, then, timeout_s):
            turn.send(Node("iq", attrs, content))

    def expect(self, turn: Turn, stanza_id: str, then: Then, timeout_s: float) -> bool:
        """Wait for the answer to a stanza that the caller sends; False when too many are waited for."""
        if len(self._pending) >= MAX_PENDING:
            then(turn, QueryFailure(BUSY))
            return False
        self._pending[stanza_id] = _Pending(then, turn.now_s + timeout_s)
        self._arm(turn)
        return True

    def answered(self, turn: Turn, node: Node) -> bool:
        """Pass an answer on; False when nobody waits for it."""
        pending = self._pending.pop(node.optional("id") or "", None)
        if pending is None:
            return False
        try:
            with turn.attempt():
                pending.then(turn, _outcome(node))
        except ProtocolError as error:
            _fail(turn, pending.then, f"{MALFORMED}: {error}")
        return True

    def expire(self, turn: Turn) -> None:
        """The timer: give up what is overdue."""
        due = [one for one, pending in self._pending.items() if pending.deadline_s <= turn.now_s]
        for stanza_id in due:
            pending = self._pending.pop(stanza_id, None)
            if pending is not None:
                _fail(turn, pending.then, TIMED_OUT)
        self._arm(turn)

    def drop_all(self, turn: Turn) -> None:
        """The connection is gone."""
        pending, self._pending = self._pending, {}
        for one in pending.values():
            _fail(turn, one.then, LOST)

    def _arm(self, turn: Turn) -> None:
        if self._pending:
            turn.wake(TIMER, min(pending.deadline_s for pending in self._pending.values()))


def _fail(turn: Turn, then: Then, text: str) -> None:
    """Tell a continuation; what it cannot bear is its own failure, not that of the others."""
    try:
        with turn.attempt():
            then(turn, QueryFailure(text))
    except ProtocolError as error:
        turn.emit("session.error", reason=str(error))


def _outcome(node: Node) -> Answer:
    """An error `iq` names code and text; anything else is an answer."""
    if node.tag == "iq" and node.optional("type") == "error":
        error = node.find("error")
        code = 0 if error is None else error.int_attr("code", 0)
        text = "" if error is None else error.text_attr("text", "")[:200]
        return QueryFailure(f"refused with code {code} {text}".rstrip(), code, retry=code >= 500 or code == 0)
    return node
