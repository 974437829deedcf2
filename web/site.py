"""What handlers work with: one value per web process."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core.config import Settings
from core.messages import CommandReply
from web.bridge import Bridge, BridgeError
from web.errors import STATUS_OF, ApiError
from web.readmodel import ReadModel
from web.sources import History, TokenSource


class CurrentSettings:
    """The settings in force; a reload swaps them as one value."""

    def __init__(self, settings: Settings) -> None:
        self.now = settings


@dataclass(frozen=True, slots=True)
class Site:
    """`reload_settings`: reads and validates the files anew; raises ReloadFailed. `clock`: epoch seconds."""

    settings: CurrentSettings
    bridge: Bridge
    model: ReadModel
    history: History
    tokens: TokenSource
    reload_settings: Callable[[], Settings]
    version: str
    started_at: float
    clock: Callable[[], float] = time.time
    stopping: threading.Event = field(default_factory=threading.Event)

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
