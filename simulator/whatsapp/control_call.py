"""One request to the control API, and what its path names."""

from dataclasses import dataclass
from typing import Any

from simulator.checking import SpecError
from simulator.control import Missing
from simulator.whatsapp.accounts import Spot
from simulator.whatsapp.link import Link
from simulator.whatsapp.people import Person
from simulator.whatsapp.service import Service


@dataclass(frozen=True, slots=True)
class Call:
    """The variable parts of the path, in order, and the body."""

    service: Service
    names: tuple[str, ...]
    body: Any

    @property
    def person(self) -> Person:
        """The account that the path names first."""
        server, number = self.service.server, self.names[0]
        if server.core.accounts.by_number(number) is None:
            raise Missing(f"no account {number!r}")
        return server.person(number)

    @property
    def spot(self) -> Spot:
        """The device that the path names second."""
        number, account = self.names[1], self.person.account
        if not number.isdecimal() or int(number) not in account.devices:
            raise Missing(f"no device {number!r}; there are: {sorted(account.devices)}")
        return Spot(account, account.devices[int(number)])

    @property
    def companion(self) -> Spot:
        """The linked device that the path names second."""
        spot = self.spot
        if spot.device.number == 0:
            raise SpecError("the phone itself is no linked device")
        return spot

    @property
    def link(self) -> Link:
        """The connection: of the device that the path names, or by its own number."""
        core = self.service.server.core
        if len(self.names) == 1:
            number = self.names[0]
            link = core.links.get(int(number)) if number.isdecimal() else None
        else:
            link = core.link_of(self.spot.device)
        if link is None:
            raise Missing("no such connection, or the device is not connected")
        return link
