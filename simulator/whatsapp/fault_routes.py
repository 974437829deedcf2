"""The control API for what goes wrong: refusals, ends, frames, certificates, and faults of single devices."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

from simulator.checking import SpecError, build, choice, flag, number, optional, text, whole
from simulator.control import Missing
from simulator.whatsapp import ends
from simulator.whatsapp.authority import FLAWS
from simulator.whatsapp.control_call import Call
from simulator.whatsapp.knobs import DAMAGES, Faults
from simulator.whatsapp.refusals import Refusal
from simulator.whatsapp.shaping import WAYS
from simulator.whatsapp.views import link_view

MANY = 1_000_000_000
ERROR = whole(1, 999)
COUNT = whole(-1, MANY)


@dataclass(frozen=True, slots=True)
class SettingsSpec:
    """None: as it is. See `settings.ServerSettings`."""

    minimum_revision: Annotated[int | None, optional(whole(0, 2**32 - 1))] = None
    phone_keys: Annotated[int | None, optional(whole(1, 812))] = None
    low_keys: Annotated[int | None, optional(whole(0, 812))] = None
    refs: Annotated[int | None, optional(whole(0, 20))] = None
    media_host: Annotated[str | None, optional(text(200))] = None


@dataclass(frozen=True, slots=True)
class CertificateSpec:
    flaw: Annotated[str | None, optional(choice(*FLAWS))] = None


@dataclass(frozen=True, slots=True)
class UpgradeSpec:
    """`status`: the HTTP status of every dial; None: a WebSocket again."""

    status: Annotated[int | None, optional(whole(200, 599))] = None


@dataclass(frozen=True, slots=True)
class RefusalSpec:
    """`times`: of so many logins; None: until it is taken back. The rest: see `ends.failure`."""

    reason: Annotated[int, whole(400, 599)]
    code: Annotated[int | None, optional(whole(100, 999))] = None
    expire_s: Annotated[int | None, optional(whole(0, MANY))] = None
    header: Annotated[str, text(200)] = ""
    subtext: Annotated[str, text(200)] = ""
    times: Annotated[int | None, optional(whole(1, MANY))] = None


@dataclass(frozen=True, slots=True)
class FaultsSpec:
    """See `knobs.Faults`."""

    ack_error: Annotated[int, ERROR] = 463
    ack_errors: Annotated[int, COUNT] = 0
    no_acks: Annotated[int, COUNT] = 0
    unacked: Annotated[int, COUNT] = 0
    corrupt: Annotated[int, COUNT] = 0
    damage: Annotated[str, choice(*DAMAGES)] = "mac"
    lost: Annotated[int, COUNT] = 0
    doubled: Annotated[int, COUNT] = 0
    no_answers: Annotated[int, COUNT] = 0
    iq_error: Annotated[int, ERROR] = 500
    iq_errors: Annotated[int, COUNT] = 0
    delay_s: Annotated[float, number(0, 86_400)] = 0.0

    def faults(self) -> Faults:
        return Faults(**{name: getattr(self, name) for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class EndSpec:
    how: Annotated[str, choice(*ends.ENDS)]


@dataclass(frozen=True, slots=True)
class NoticeSpec:
    what: Annotated[str, choice(*ends.NOTICES)]


@dataclass(frozen=True, slots=True)
class FramesSpec:
    """`way`: see `shaping.Shaping`; `count`: of so many frames, -1 for all from now on."""

    way: Annotated[str, choice("", *WAYS)]
    count: Annotated[int, COUNT] = 1


@dataclass(frozen=True, slots=True)
class ReleaseSpec:
    backwards: Annotated[bool, flag] = False


@dataclass(frozen=True, slots=True)
class KeysSpec:
    """`withheld`: one-time keys are not given out. `dropped`: those that there are are gone."""

    withheld: Annotated[bool, flag] = False
    dropped: Annotated[bool, flag] = False


async def change_settings(call: Call) -> Any:
    spec = build(SettingsSpec, call.body, "settings")
    given = {name: getattr(spec, name) for name in spec.__slots__ if getattr(spec, name) is not None}
    core = call.service.server.core
    core.settings = replace(core.settings, **given)
    return {}


async def set_certificates(call: Call) -> Any:
    call.service.server.parts.certificate_flaw = build(CertificateSpec, call.body, "certificates").flaw
    return {}


async def set_upgrade(call: Call) -> Any:
    status = build(UpgradeSpec, call.body, "upgrade").status
    if status is not None and status not in list(HTTPStatus):
        raise SpecError(f"upgrade.status: {status} is no HTTP status")
    call.service.upgrade_status = status
    return {}


async def refuse(call: Call) -> Any:
    spec = build(RefusalSpec, call.body, "refusal")
    node = ends.failure(spec.reason, spec.code, spec.expire_s, spec.header, spec.subtext)
    call.service.server.parts.refusals.standing[call.names[0]] = Refusal(node, spec.times)
    return {}


async def welcome(call: Call) -> Any:
    if call.service.server.parts.refusals.standing.pop(call.names[0], None) is None:
        raise Missing(f"{call.names[0]!r} is not refused")
    return {}


async def set_faults(call: Call) -> Any:
    spec = build(FaultsSpec, call.body, "faults")
    call.service.server.parts.knobs.by_device[call.names[0]] = spec.faults()
    return {}


async def clear_faults(call: Call) -> Any:
    if call.service.server.parts.knobs.by_device.pop(call.names[0], None) is None:
        raise Missing(f"{call.names[0]!r} has no faults")
    return {}


async def links(call: Call) -> Any:
    return [link_view(link) for link in call.service.server.core.links.values()]


async def end(call: Call) -> Any:
    how, link = build(EndSpec, call.body, "end").how, call.link
    call.service.act(lambda: call.service.server.parts.refusals.end(link, how))
    return {}


async def notice(call: Call) -> Any:
    what, link = build(NoticeSpec, call.body, "notice").what, call.link
    call.service.act(lambda: link.send(ends.NOTICES[what]))
    return {}


async def silence(call: Call) -> Any:
    call.service.server.parts.refusals.silence(call.link)
    return {}


async def set_frames(call: Call) -> Any:
    spec = build(FramesSpec, call.body, "frames")
    call.link.shaping.set(spec.way, spec.count)
    return {}


async def hold(call: Call) -> Any:
    call.service.server.parts.delivery.held.add(call.spot.key)
    return {}


async def release(call: Call) -> Any:
    spec, spot = build(ReleaseSpec, call.body, "release"), call.spot
    call.service.act(lambda: call.service.server.parts.delivery.release(spot, spec.backwards))
    return {}


async def set_keys(call: Call) -> Any:
    spec, spot, keys = build(KeysSpec, call.body, "keys"), call.spot, call.service.server.parts.keys
    (keys.withheld.add if spec.withheld else keys.withheld.discard)(spot.key)
    if spec.dropped:
        call.service.act(lambda: keys.drop_one_time(spot))
    return {}
