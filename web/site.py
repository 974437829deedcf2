"""What handlers work with: one value per web process."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.config import Settings
from core.messages import CommandReply
from web.auth import Authenticator
from web.bridge import Bridge
from web.errors import STATUS_OF, ApiError
from web.events import StreamSlots
from web.lanes import Lanes
from web.mailbox import BridgeError
from web.readmodel import ReadModel
from web.sources import History

# A change takes milliseconds, and longer on a slow disk.
CHANGING_WAIT_S = 1.0


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

    `data_root`: the data folder, which strangers are not told. `commands`: who asks an actor holds a place of its
    instance's lane. `changing`: one lane, held while an instance's configuration is read, merged and written.
    """

    settings: CurrentSettings
    bridge: Bridge
    model: ReadModel
    history: History
    auth: Authenticator
    streams: StreamSlots
    commands: Lanes
    reload_settings: Callable[[], Settings]
    version: str
    started_at: float
    data_root: str = ""
    clock: Callable[[], float] = time.time
    changing: Lanes = field(default_factory=lambda: Lanes(1, 1, CHANGING_WAIT_S))

    def for_anybody(self, text: str) -> str:
        """What a public answer may say of a text that names files: their names, not the folder that they are in."""
        return text.replace(f"{self.data_root}/", "") if self.data_root else text

    def ask(self, make_message: Callable[[str], object], *, in_lane: bool = True) -> CommandReply:
        """A command's answer, good or bad; raises ApiError 503 when there is none, or too many are under way.

        `in_lane` False: asked by a thread that is no worker, whose waiting keeps nobody out.
        """
        about = str(getattr(make_message(""), "instance_id", ""))
        try:
            with self.commands.under_way(about) if in_lane else contextlib.nullcontext():
                return self.bridge.ask(make_message, self.settings.now.http.command_timeout_s)
        except BridgeError as error:
            raise ApiError(error.code, str(error)) from None

    def command(self, make_message: Callable[[str], object], *, in_lane: bool = True) -> CommandReply:
        """A command that must succeed: any other outcome is raised as ApiError with the code's status."""
        reply = self.ask(make_message, in_lane=in_lane)
        if not reply.ok:
            raise refused(reply)
        return reply


def refused(reply: CommandReply) -> ApiError:
    """What the actors said no to, as an error of the API; an unknown code is our bug and becomes 500."""
    code = reply.code if reply.code in STATUS_OF and reply.code != "ok" else "internal"
    return ApiError(code, reply.message or code.replace("_", " "), data=reply.data or None)
