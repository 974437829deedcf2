"""What the parts of a session share."""

from collections.abc import Callable
from dataclasses import dataclass, field

from whatsapp.account import Account
from whatsapp.errors import LocalProtocolError
from whatsapp.jid import SERVER, Jid
from whatsapp.keys import Rng
from whatsapp.nodes import Content
from whatsapp.queries import Queries, Then
from whatsapp.session_settings import SessionSettings
from whatsapp.signal_cipher import SignalCipher
from whatsapp.state import MemoryState
from whatsapp.turn import Turn


@dataclass(slots=True)
class SessionCore:
    """`wall_s`: epoch seconds now. `online`: logged in on this connection. `account`: as last persisted.

    `clock_offset_s`: how far the server's clock was ahead of ours at the last login; None: it did not say.
    """

    settings: SessionSettings
    rng: Rng
    wall_s: Callable[[], float]
    state: MemoryState = field(repr=False)
    queries: Queries = field(init=False)
    stored_account: Account | None = None
    online: bool = False
    available: bool = False
    clock_offset_s: int | None = None

    def __post_init__(self) -> None:
        self.queries = Queries(self.rng)
        self.available = self.settings.available

    @property
    def account(self) -> Account:
        if self.stored_account is None:
            raise LocalProtocolError("there is no account yet")
        return self.stored_account

    @property
    def cipher(self) -> SignalCipher:
        return SignalCipher(self.account.local_identity, self.rng)

    def ask(self, turn: Turn, xmlns: str, type_: str, content: Content, then: Then, to: Jid = SERVER) -> None:
        """An `iq` with the usual deadline."""
        self.queries.ask(turn, xmlns, type_, content, then, self.settings.query_timeout_s, to)
