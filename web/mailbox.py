"""The bridge's way to the actors, as `cli` hands it over, and what can go wrong with an ask."""

from typing import Any
from typing import Protocol as Interface


class Mailbox(Interface):
    """An endpoint in the actor system, used by the bridge's thread only (but for `wake`).

    Any method may raise when the actor system is gone; the bridge then connects anew. A `close()` is called when
    there is one.
    """

    @property
    def root(self) -> Any:
        """The root supervisor's address."""
        ...

    def tell(self, address: Any, message: Any) -> None: ...

    def listen(self, timeout_s: float) -> Any | None:
        """The next message, or None when the time is over or `wake` was called."""
        ...

    def wake(self) -> None:
        """Make `listen` return early; callable from any thread."""
        ...


class BridgeError(Exception):
    """No answer: the text says why. `code` is the API's."""

    code = "unavailable"


class Timeout(BridgeError):
    """The deadline is over; the command may still take effect."""

    code = "timeout"


class Unavailable(BridgeError):
    """The actors are not reachable now."""
