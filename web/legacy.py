"""The endpoints that operators' scripts already call: answers byte for byte those of the contract, §1.

What scripts send as a body was never looked at, and is not here.
"""

import math
from collections.abc import Iterator
from typing import Any

from core.health import count, disk_low
from core.messages import CommandReply, ForceRetry, ResetBreaker
from web import view
from web.answer import Answer, rfc3339, success
from web.call import ANYONE, Call
from web.errors import ApiError, instance_not_found
from web.site import Site, refused

WELCOME = {"name": "Sambung", "health": "/health", "api": "/api/v1"}
READY_AGE_S = 15.0


def welcome(site: Site, _call: Call) -> Answer:
    return success(WELCOME | {"version": site.version}, message="Sambung is running")


def health(site: Site, call: Call) -> Answer:
    """200 while the server runs, whatever the score."""
    now_s = site.clock()
    fleet, counts = site.model.counted()
    if call.principal.instances is not None:
        known = () if fleet is None else fleet.instances.values()
        counts = count(one for one in known if call.principal.sees(one.instance_id))
    data = view.health(fleet, counts, now_s) | {"snapshot_age_s": snapshot_age_s(site)}
    return success(data, message="Server is running", timestamp=rfc3339(now_s))


def snapshot_age_s(site: Site) -> float | None:
    age_s = site.model.age_s()
    return None if age_s is None else round(age_s, 3)


def live(_site: Site, _call: Call) -> Answer:
    """The process answers."""
    return success({"live": True})


def ready(site: Site, _call: Call) -> Answer:
    """200 when the server may serve; 503 with the reasons otherwise, in full in `GET /api/v1/server`."""
    details = [one | {"message": site.for_anybody(one["message"])} for one in not_ready(site)]
    if details:
        raise ApiError("not_ready", "; ".join(one["message"] for one in details), details=details)
    return success({"ready": True, "snapshot_age_s": snapshot_age_s(site)})


def not_ready(site: Site) -> list[dict[str, str]]:
    """Every reason why this server is not ready: `check` and `message`."""
    return [{"check": check, "message": message} for check, message in _problems(site)]


def _problems(site: Site) -> Iterator[tuple[str, str]]:
    broken = site.model.broken
    for part, text in broken.items():
        yield part, f"the {part} cannot be used: {text}"
    fleet, age_s = site.model.fleet, site.model.age_s()
    if fleet is None or age_s is None:
        if not broken:  # without the registry there is no state to come
            yield "snapshot", "no state of the instances has arrived yet"
        return
    if age_s > READY_AGE_S:
        yield "snapshot", f"the state of the instances is {age_s:.0f} s old"
    if site.model.root_ready is not True and not broken:
        yield (
            "registry",
            "the registry or the journal is not open yet, or their supervisor does not answer",
        )
    low = disk_low(fleet.host.disk_free_percent, site.settings.now.storage.min_free_percent)
    if not fleet.host.storage_ok and low is None and not broken:
        yield "storage", "the storage does not work"
    if low is not None:
        yield "disk", low


def breaker_status(site: Site, call: Call) -> Answer:
    instance_id = call.params["instance_id"]
    if site.model.fleet is None:
        raise ApiError("not_ready", "The state of the instances has not arrived yet")
    one = site.model.instance(instance_id)
    if one is None:
        raise instance_not_found(instance_id)
    data = view.breaker_status(one, site.clock())
    if call.principal is ANYONE:
        data |= {key: site.for_anybody(data[key]) for key in ("reason", "next_step") if data[key]}
    return success(data)


def reset_breaker(site: Site, call: Call) -> Answer:
    call.read_body(site.settings.now.http.max_body_bytes)
    return reset(site, call.params["instance_id"])


def reset(site: Site, instance_id: str) -> Answer:
    site.command(lambda ref: ResetBreaker(ref, instance_id))
    return success(message="Circuit breaker reset successfully")


def force_retry(site: Site, call: Call) -> Answer:
    call.read_body(site.settings.now.http.max_body_bytes)
    return retry(site, call.params["instance_id"])


def retry(site: Site, instance_id: str) -> Answer:
    """Answered once the attempt has started; what cannot start says why and what to do instead."""
    reply = site.ask(lambda ref: ForceRetry(ref, instance_id))
    if reply.ok:
        data = {"success": True, "session_created": True}
        return success(data, message="Retry initiated successfully")
    raise _not_started(site, reply, instance_id)


# Texts and data that operators' scripts compare.
_EXACT: dict[str, tuple[str, dict[str, Any]]] = {
    "session_exists": ("Session already exists", {"success": False, "session_exists": True}),
    "in_progress": ("Connection already in progress", {"success": False, "connecting": True}),
}


def _not_started(site: Site, reply: CommandReply, instance_id: str) -> ApiError:
    if reply.code == "instance_not_found":
        return instance_not_found(instance_id)
    if reply.code in _EXACT:
        message, data = _EXACT[reply.code]
        return ApiError(reply.code, message, data=data)
    if reply.code == "too_soon":
        headers = {"Retry-After": str(math.ceil(reply.data["retry_after_s"]))}
        return ApiError(reply.code, reply.message, data={"success": False} | reply.data, headers=headers)
    if reply.code == "parked":
        return ApiError(reply.code, reply.message, data={"success": False} | reply.data)
    if reply.code == "quarantined":
        known = _quarantine(site, instance_id)
        return ApiError(reply.code, reply.message, data={"success": False} | known | reply.data)
    return refused(reply)


def _quarantine(site: Site, instance_id: str) -> dict[str, Any]:
    """Why and what to do, as the instance shows it: what says no here is its group, which has no failure to tell."""
    one = site.model.instance(instance_id)
    reason = one.reason if one is not None and one.link_state == "quarantined" else None
    return ({} if reason is None else {"reason": reason}) | {"next_step": "Restart the instance."}
