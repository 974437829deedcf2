"""The control API for accounts: what people do with their phones."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from simulator.checking import SpecError, build, choice, flag, list_of, optional, text, whole
from simulator.whatsapp.control_call import Call
from simulator.whatsapp.linking import FLAWS, CannotLink
from simulator.whatsapp.views import account_view, group_view
from whatsapp.errors import ProtocolError
from whatsapp.jid import Jid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PersonSpec:
    """A new account. `lid`: its hidden id, 15 random digits by default."""

    name: Annotated[str, text(100)] = ""
    lid: Annotated[str, text(20)] = ""


@dataclass(frozen=True, slots=True)
class ScanSpec:
    """`flaw`: what is wrong with the identity that the phone issues; passkey: it issues none."""

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
class TypingSpec:
    to: Annotated[str, text(100)]
    state: Annotated[str, choice("composing", "paused")] = "composing"


@dataclass(frozen=True, slots=True)
class CallSpec:
    to: Annotated[str, text(100)]


@dataclass(frozen=True, slots=True)
class PhoneSpec:
    """None: as it is. `on`: switched on. `reads`, `refuses`: see `phone.Habits`."""

    on: Annotated[bool | None, optional(flag)] = None
    reads: Annotated[bool | None, optional(flag)] = None
    refuses: Annotated[int | None, optional(whole(0, 1_000_000))] = None


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """A group of the account in the path."""

    subject: Annotated[str, text(100)]
    members: Annotated[tuple[str, ...], list_of(text(20), 1024)] = ()
    by_lid: Annotated[bool, flag] = True


@dataclass(frozen=True, slots=True)
class ChangeSpec:
    """A change that the account in the path makes."""

    group: Annotated[str, text(100)]
    what: Annotated[str, choice("add", "remove", "promote", "demote")]
    members: Annotated[tuple[str, ...], list_of(text(20), 1024)]


def acted(call: Call, what: Callable[[], T]) -> T:
    """Do it; what a person cannot do is the caller's mistake."""
    try:
        return call.service.act(what)
    except (CannotLink, ProtocolError) as error:
        raise SpecError(str(error)) from error
    except KeyError as error:
        raise SpecError(str(error.args[0])) from error


async def people(call: Call) -> Any:
    return [account_view(call.service.server, account) for account in call.service.server.people()]


async def add_person(call: Call) -> Any:
    spec = build(PersonSpec, call.body, "account")
    try:
        person = call.service.act(lambda: call.service.server.person(call.names[0], spec.name, spec.lid))
    except ValueError as error:
        raise SpecError(f"account: {error}") from error
    return account_view(call.service.server, person.account)


async def show_person(call: Call) -> Any:
    return account_view(call.service.server, call.person.account)


async def scan(call: Call) -> Any:
    spec, person = build(ScanSpec, call.body, "scan"), call.person
    return {"device": acted(call, lambda: person.scan(spec.qr, spec.flaw))}


async def type_code(call: Call) -> Any:
    spec, person = build(CodeSpec, call.body, "code"), call.person
    acted(call, lambda: person.type_code(spec.code))
    return {}


async def unlink(call: Call) -> Any:
    person, spot = call.person, call.companion
    acted(call, lambda: person.unlink(spot.device.number))
    return {}


async def send_text(call: Call) -> Any:
    spec, person = build(TextSpec, call.body, "text"), call.person
    return {"id": acted(call, lambda: person.send_text(spec.to, spec.text, spec.by_lid))}


async def typing(call: Call) -> Any:
    spec, person = build(TypingSpec, call.body, "typing"), call.person
    acted(call, lambda: person.typing(spec.to, spec.state))
    return {}


async def ring(call: Call) -> Any:
    spec, person = build(CallSpec, call.body, "call"), call.person
    return {"id": acted(call, lambda: person.call(spec.to))}


async def inbox(call: Call) -> Any:
    return call.person.inbox()


async def history(call: Call) -> Any:
    return {"id": acted(call, call.person.send_history)}


async def app_state_key(call: Call) -> Any:
    return {"id": acted(call, call.person.share_app_state_key)}


async def reinstall(call: Call) -> Any:
    acted(call, call.person.reinstall)
    return {}


async def forget_sessions(call: Call) -> Any:
    acted(call, call.person.forget_sessions)
    return {}


async def change_phone(call: Call) -> Any:
    spec, person = build(PhoneSpec, call.body, "phone"), call.person
    habits = person.handset.habits
    habits.reads = habits.reads if spec.reads is None else spec.reads
    habits.refuses = habits.refuses if spec.refuses is None else spec.refuses
    on = spec.on
    if on is not None:
        acted(call, lambda: person.switch(on))
    return {}


async def groups(call: Call) -> Any:
    core = call.service.server.core
    return [group_view(group) for group in core.groups.values()]


async def create_group(call: Call) -> Any:
    spec, person = build(GroupSpec, call.body, "group"), call.person
    jid = acted(call, lambda: person.create_group(spec.subject, list(spec.members), spec.by_lid))
    return group_view(call.service.server.core.groups[Jid.parse(jid)])


async def change_group(call: Call) -> Any:
    spec, person = build(ChangeSpec, call.body, "change"), call.person
    acted(call, lambda: person.change_group(spec.group, spec.what, list(spec.members)))
    return {}
