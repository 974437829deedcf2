"""Logins that are refused on purpose, and the ends of connections on demand (protocol §20)."""

from collections.abc import Mapping
from dataclasses import dataclass

from simulator.whatsapp.link import Link
from simulator.whatsapp.server_core import ServerCore
from whatsapp.nodes import Node


@dataclass(slots=True)
class Refusal:
    """`attrs`: of `<failure>`, beside the reason. `left`: so many more logins; None: until it is taken back."""

    reason: int
    attrs: Mapping[str, str]
    left: int | None = None

    @property
    def node(self) -> Node:
        return Node("failure", {"reason": str(self.reason), "location": "sim", **self.attrs})


class Refusals:
    """By account number; EVERYBODY for all, registrations included."""

    EVERYBODY = "*"

    def __init__(self, core: ServerCore) -> None:
        self._core = core
        self.standing: dict[str, Refusal] = {}

    def for_link(self, link: Link) -> Node | None:
        """What the connection is refused with, None when it is welcome."""
        payload = link.payload
        if payload.user_agent.app_version.tertiary < self._core.settings.minimum_revision:
            return Refusal(405, {}).node
        for name in (str(payload.username), self.EVERYBODY):
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
