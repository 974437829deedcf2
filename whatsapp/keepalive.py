"""Keeping the connection alive and noticing when it is dead (protocol §9)."""

from core.failures import FailureKind
from whatsapp.nodes import Node
from whatsapp.queries import Answer, QueryFailure
from whatsapp.session_core import SessionCore
from whatsapp.turn import Turn

TIMER = "keepalive"
INTERVAL_S = 20.0
JITTER_S = 10.0
REPLY_S = 10.0
MAX_MISSED = 2


class Keepalive:
    """A ping every 20 to 30 s; anything received counts as its answer; two silent ones in a row are the end."""

    def __init__(self, core: SessionCore) -> None:
        self._core = core
        self._missed = 0

    def start(self, turn: Turn) -> None:
        """The session is up."""
        self._missed = 0
        self._schedule(turn)

    def heard(self) -> None:
        """Something arrived."""
        self._missed = 0

    def ping(self, turn: Turn) -> None:
        """The timer."""
        if not self._core.online:
            return
        ask = self._core.queries.ask
        ask(turn, "w:p", "get", (Node("ping"),), self._answered, REPLY_S)

    def _answered(self, turn: Turn, answer: Answer) -> None:
        if not self._core.online:
            return
        if isinstance(answer, QueryFailure) and answer.retry:
            self._missed += 1
            if self._missed >= MAX_MISSED:
                turn.disconnect(FailureKind.TIMEOUT, "the server does not answer pings")
            else:
                self.ping(turn)
        else:
            self._schedule(turn)

    def _schedule(self, turn: Turn) -> None:
        turn.wake(TIMER, turn.now_s + INTERVAL_S + JITTER_S * self._core.rng(1)[0] / 255)
