"""One turn of a session: what one input changed, and what it wants done.

Everything a turn does is collected first. When it ends, its changes become one `Persist` in front of everything
else, and only then its nodes are encrypted: a turn that is dropped leaves no trace, neither in the state nor in the
connection's counters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from core.effects import Authenticated, Disconnected, Emit, Reply, WakeAt
from core.failures import Failure, FailureKind
from whatsapp.nodes import Node
from whatsapp.state import StateReader, Transaction

Wanted = Node | Emit | WakeAt | Reply | Authenticated | Disconnected


class Turn:
    """`tx`: state as this turn sees it; `wanted`: effects in order, nodes still unencrypted."""

    __slots__ = ("now_s", "tx", "wanted")

    def __init__(self, state: StateReader, now_s: float) -> None:
        self.now_s = now_s
        self.tx = Transaction(state)
        self.wanted: list[Wanted] = []

    def send(self, node: Node) -> None:
        """A node for the server."""
        self.wanted.append(node)

    def emit(self, kind: str, **data: Any) -> None:
        """An event for the application."""
        self.wanted.append(Emit(kind, data))

    def reply(self, ref: str, error: str | None = None, *, retry: bool = False, **data: Any) -> None:
        """The outcome of a command."""
        self.wanted.append(Reply(ref, error, retry, data))

    def wake(self, name: str, at_s: float) -> None:
        """Call back at this (monotonic) time."""
        self.wanted.append(WakeAt(name, max(at_s, self.now_s)))

    def authenticated(self) -> None:
        """The link is open from here on."""
        self.wanted.append(Authenticated())

    def disconnect(
        self,
        kind: FailureKind,
        text: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Give the connection up."""
        self.wanted.append(Disconnected(Failure(kind, text, status, retry_after_s)))

    @property
    def ended(self) -> bool:
        """Whether this turn gives the connection up."""
        return any(isinstance(effect, Disconnected) for effect in self.wanted)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What happens inside is undone as a whole when it raises."""
        outer, mark = self.tx, len(self.wanted)
        try:
            with outer.nested() as inner:
                self.tx = inner
                yield
        except BaseException:
            del self.wanted[mark:]
            raise
        finally:
            self.tx = outer
