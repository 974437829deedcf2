"""Logins that are refused on purpose, and connections that are ended on purpose (protocol §20)."""

from dataclasses import dataclass

from simulator.whatsapp import ends
from simulator.whatsapp.link import Link, Stage
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Node

EVERYBODY = "*"


@dataclass(slots=True)
class Refusal:
    """`left`: so many more logins are refused; None: until it is taken back."""

    node: Node
    left: int | None = None


class Refusals:
    """By account number; EVERYBODY for all, registrations included."""

    def __init__(self, core: ServerCore) -> None:
        self._core = core
        self.standing: dict[str, Refusal] = {}

    def for_link(self, link: Link) -> Node | None:
        """What the connection is refused with, None when it is welcome."""
        payload = link.payload
        if payload.user_agent.app_version.tertiary < self._core.settings.minimum_revision:
            return ends.failure(405)
        for name in (str(payload.username), EVERYBODY):
            refusal = self.standing.get(name)
            if refusal is not None:
                self._count(name, refusal)
                return refusal.node
        return None

    def _count(self, name: str, refusal: Refusal) -> None:
        if refusal.left is not None:
            refusal.left -= 1
            if refusal.left <= 0:
                del self.standing[name]

    def end(self, link: Link, name: str) -> None:
        """End a connection in one of the ways of `ends.ENDS`."""
        last = ends.ENDS[name]
        link.end(*(() if last is None else (last,)), abort=name == ends.ABORTING)

    def silence(self, link: Link) -> None:
        """The connection stays, and nothing comes any more."""
        link.stage = Stage.SILENT
