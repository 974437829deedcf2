"""Who takes part in an interop test: linked clients of both kinds, each with an account of its own."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.interop.baileys import Baileys, Driver
from tests.interop.ours import Ours
from tests.interop.told import PATIENCE_S
from tests.interop.upstream import Person, Upstream
from whatsapp.session_settings import SessionSettings

_NUMBERS = itertools.count(6281100001)
FIRST_UPLOAD = 30


@dataclass
class Party:
    """A client and the person it belongs to. `client`: of either kind."""

    person: Person
    client: Ours | Baileys

    @property
    def number(self) -> str:
        return self.person.number

    @property
    def pn(self) -> str:
        return f"{self.person.number}@s.whatsapp.net"

    @property
    def lid(self) -> str:
        return f"{self.person.lid}@lid"

    def addresses(self) -> tuple[str, str]:
        return self.pn, self.lid


@dataclass
class OurParty(Party):
    client: Ours


@dataclass
class TheirParty(Party):
    client: Baileys


@dataclass
class Cast:
    """Makes parties; `close` ends what it made."""

    upstream: Upstream
    driver: Driver
    folder: Path
    made: list[Party] = field(default_factory=list)

    def person(self) -> Person:
        return self.upstream.person(str(next(_NUMBERS)))

    def settings(self) -> SessionSettings:
        return replace(
            SessionSettings(),
            url=self.upstream.url,
            root_key=self.upstream.root_key,
            first_upload=FIRST_UPLOAD,
        )

    def ours_unlinked(self, name: str = "ours") -> Ours:
        client = Ours(name, self.folder / f"{name}-{next(_NUMBERS)}.db", self.settings())
        self.made.append(OurParty(Person("", ""), client))
        return client

    def theirs_unlinked(self, name: str = "baileys") -> Baileys:
        client = self.driver.client(name)
        self.made.append(TheirParty(Person("", ""), client))
        return client

    def ours(self, person: Person | None = None) -> OurParty:
        """Linked by QR and logged in."""
        person = person or self.person()
        client = self.ours_unlinked(f"ours of {person.number}")
        client.start()
        self.upstream.scan(person.number, client.event("qr")["text"])
        client.opened()
        return OurParty(person, client)

    def theirs(self, person: Person | None = None) -> TheirParty:
        """Linked by QR, started again after 515 as every user of Baileys does, and logged in."""
        person = person or self.person()
        client = self.theirs_unlinked(f"baileys of {person.number}")
        begun = client.start(self.upstream.url)
        update = client.event("connection.update", lambda update: update.get("qr"))
        self.upstream.scan(person.number, update["qr"])
        assert client.closed(begun) == 515
        self.restarted(client)
        return TheirParty(person, client)

    def restarted(self, client: Baileys) -> int:
        """A new connection with the same credentials; returns the number of its first event."""
        begun = client.start(self.upstream.url)
        client.opened(begun)
        client.caught_up(begun)
        return begun

    def close(self) -> None:
        for party in self.made:
            if isinstance(party.client, Ours):
                party.client.close()
            else:
                party.client.do("stop")


def eventually(true: Callable[[], object], what: str, for_s: float = PATIENCE_S) -> None:
    """Wait for something that nobody tells."""
    end_s = time.monotonic() + for_s
    while not true():
        assert time.monotonic() < end_s, f"not within {for_s:g} s: {what}"
        time.sleep(0.02)
