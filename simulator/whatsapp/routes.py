"""The control API: which request does what.

Bodies and answers are JSON. Errors are `{"error": text}` with 400 (bad body, a code that cannot be scanned), 404
(unknown path, account, device or group) or 405.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from simulator.checking import SpecError, build, choice, flag, optional, text
from simulator.control import Missing, Routes
from simulator.whatsapp.linking import FLAWS, CannotLink
from simulator.whatsapp.people import Person
from simulator.whatsapp.service import Service
from simulator.whatsapp.views import account_view, server_view, stanza_views
from whatsapp.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class PersonSpec:
    """A new account. `lid`: its hidden id, 15 random digits by default."""

    name: Annotated[str, text(100)] = ""
    lid: Annotated[str, text(20)] = ""


@dataclass(frozen=True, slots=True)
class ScanSpec:
    """`flaw`: what is wrong with the identity that the phone issues."""

    qr: Annotated[str, text(2000)]
    flaw: Annotated[str | None, optional(choice(*FLAWS))] = None


@dataclass(frozen=True, slots=True)
class CodeSpec:
    code: Annotated[str, text(20)]


@dataclass(frozen=True, slots=True)
class TextSpec:
    """`to`: a number, an address or a group. `by_lid`: whether a number is written to by its LID."""

    to: Annotated[str, text(100)]
    text: Annotated[str, text(65_536)]
    by_lid: Annotated[bool, flag] = True


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the variable parts of its path, in order, and its body."""

    service: Service
    names: tuple[str, ...]
    body: Any

    @property
    def person(self) -> Person:
        """The account that the path names."""
        server, number = self.service.server, self.names[0]
        if server.core.accounts.by_number(number) is None:
            raise Missing(f"no account {number!r}")
        return server.person(number)

    @property
    def device(self) -> int:
        """The device that the path names."""
        number, account = self.names[1], self.person.account
        if not number.isdecimal() or int(number) not in account.devices:
            raise Missing(f"no device {number!r}; there are: {sorted(account.devices)}")
        return int(number)


async def about(call: Call) -> Any:
    return server_view(call.service)


async def people(call: Call) -> Any:
    return [account_view(call.service, account) for account in call.service.server.people()]


async def add_person(call: Call) -> Any:
    spec = build(PersonSpec, call.body, "account")
    try:
        person = call.service.act(lambda: call.service.server.person(call.names[0], spec.name, spec.lid))
    except ValueError as error:
        raise SpecError(f"account: {error}") from error
    return account_view(call.service, person.account)


async def show_person(call: Call) -> Any:
    return account_view(call.service, call.person.account)


async def scan(call: Call) -> Any:
    spec, person = build(ScanSpec, call.body, "scan"), call.person
    try:
        return {"device": call.service.act(lambda: person.scan(spec.qr, spec.flaw))}
    except CannotLink as error:
        raise SpecError(str(error)) from error


async def type_code(call: Call) -> Any:
    spec, person = build(CodeSpec, call.body, "code"), call.person
    try:
        call.service.act(lambda: person.type_code(spec.code))
    except CannotLink as error:
        raise SpecError(str(error)) from error
    return {}


async def send_text(call: Call) -> Any:
    spec, person = build(TextSpec, call.body, "text"), call.person
    try:
        return {"id": call.service.act(lambda: person.send_text(spec.to, spec.text, spec.by_lid))}
    except (ProtocolError, KeyError) as error:
        raise SpecError(f"text: {error}") from error


async def inbox(call: Call) -> Any:
    return call.person.inbox()


async def unlink(call: Call) -> Any:
    person, device = call.person, call.device
    if device == 0:
        raise SpecError("the phone itself cannot be unlinked")
    call.service.act(lambda: person.unlink(device))
    return {}


async def stanzas(call: Call) -> Any:
    return stanza_views(call.service.server)


async def complaints(call: Call) -> Any:
    return list(call.service.server.core.observed.complaints)


ROUTES: Routes[Call] = {
    "/": {"GET": about},
    "/stanzas": {"GET": stanzas},
    "/complaints": {"GET": complaints},
    "/accounts": {"GET": people},
    "/accounts/*": {"GET": show_person, "PUT": add_person},
    "/accounts/*/scan": {"POST": scan},
    "/accounts/*/code": {"POST": type_code},
    "/accounts/*/texts": {"POST": send_text},
    "/accounts/*/inbox": {"GET": inbox},
    "/accounts/*/devices/*": {"DELETE": unlink},
}
