"""What handlers work with: one value per web process."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.config import Settings
from core.messages import CommandReply
from web.auth import Authenticator
from web.bridge import Bridge
from web.errors import STATUS_OF, ApiError
from web.events import StreamSlots
from web.mailbox import BridgeError
from web.readmodel import ReadModel
from web.sources import History


class ReloadFailed(Exception):
    """The settings files are wrong; nothing was changed. `problems`: pairs of place (file, line, key) and text."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{place}: {text}" for place, text in problems))
        self.problems = tuple(problems)


class CurrentSettings:
    """The settings in force; a reload swaps them as one value."""

    def __init__(self, settings: Settings) -> None:
        self.now = settings


@dataclass(frozen=True, slots=True)
class Site:
    """`reload_settings`: reads and validates the files anew; raises ReloadFailed. `clock`: epoch seconds.

    `changing` is held while one instance's configuration is read, merged and written.
    """

    settings: CurrentSettings
    bridge: Bridge
    model: ReadModel
    history: History
    auth: Authenticator
    streams: StreamSlots
    reload_settings: Callable[[], Settings]
    version: str
    started_at: float
    clock: Callable[[], float] = time.time
    changing: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, make_message: Callable[[str], object]) -> CommandReply:
        """A command's answer, good or bad; raises ApiError 503 when there is none."""
        try:
            return self.bridge.ask(make_message, self.settings.now.http.command_timeout_s)
        except BridgeError as error:
            raise ApiError(error.code, str(error)) from None

    def command(self, make_message: Callable[[str], object]) -> CommandReply:
        """A command that must succeed: any other outcome is raised as ApiError with the code's status."""
        reply = self.ask(make_message)
        if not reply.ok:
            raise refused(reply)
        return reply


def refused(reply: CommandReply) -> ApiError:
    """What the actors said no to, as an error of the API; an unknown code is our bug and becomes 500."""
    code = reply.code if reply.code in STATUS_OF and reply.code != "ok" else "internal"
    return ApiError(code, reply.message or code.replace("_", " "), data=reply.data or None)
