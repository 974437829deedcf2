"""/api/v1/instances: make, list, show, change, remove."""

from collections.abc import Callable
from typing import Any

from core.breaker import BreakerState
from core.instances import Desired
from core.link_state import LinkState
from core.messages import CreateInstance, RemoveInstance
from core.snapshot import InstanceSnapshot
from web import cursor, view
from web.answer import Answer, page, success, with_headers
from web.api import paging
from web.api.instanceconfig import build, problems
from web.api.models import CreateBody, checked
from web.call import Call
from web.errors import ApiError, instance_not_found, invalid
from web.site import Site

# "quarantined" is no state of a link: its group says it of an instance that has no process.
FILTERS = {
    "link_state": (*(one.value for one in LinkState), "quarantined"),
    "breaker_state": tuple(one.value for one in BreakerState),
    "desired": tuple(one.value for one in Desired),
}
SEEN_S = 2.0  # how long a change may take to come back through the read model


def known(site: Site, instance_id: str) -> InstanceSnapshot:
    """The instance's newest snapshot; raises ApiError 404, or 503 before the first state has arrived."""
    one = site.model.instance(instance_id)
    if one is not None:
        return one
    if site.model.fleet is None:
        raise ApiError("not_ready", "The state of the instances has not arrived yet")
    raise instance_not_found(instance_id)


def shown(site: Site, one: InstanceSnapshot, *, status: int = 200) -> Answer:
    return success(view.instance(one, site.clock()), status=status)


def seen(site: Site, instance_id: str, reached: Callable[[InstanceSnapshot | None], bool]) -> None:
    """Wait until the read model shows what a command did, so that the next GET agrees with its answer."""
    site.model.wait_for(lambda model: reached(model.instance(instance_id)), SEEN_S)


def list_instances(site: Site, call: Call) -> Answer:
    """In the order of their ids; filters: link_state, breaker_state, desired, q (beginning of the id)."""
    query = paging.checked_query(call, *FILTERS, "q")
    for name, allowed in FILTERS.items():
        if query.filters.get(name, allowed[0]) not in allowed:
            raise invalid((name, f"must be one of {', '.join(allowed)}"))
    fleet = site.model.fleet
    if fleet is None:
        raise ApiError("not_ready", "The state of the instances has not arrived yet")
    wanted = [
        one
        for instance_id, one in sorted(fleet.instances.items())
        if call.principal.sees(instance_id) and _matches(one, query.filters)
    ]
    rest = wanted
    if query.after is not None:
        after = cursor.decode("i", query.after)
        rest = [one for one in wanted if one.instance_id > after]
    chosen = rest[: query.limit]
    more = len(rest) > len(chosen)
    now_s = site.clock()
    data = [view.instance(one, now_s) for one in chosen]
    return page(data, cursor.encode("i", chosen[-1].instance_id) if more else None, len(wanted))


def _matches(one: InstanceSnapshot, filters: dict[str, str]) -> bool:
    same = all(getattr(one, name) == filters[name] for name in FILTERS if name in filters)
    return same and one.instance_id.startswith(filters.get("q", ""))


def create(site: Site, call: Call) -> Answer:
    body = checked(CreateBody, call.json_body(site.settings.now.http.max_body_bytes), problems)
    config = build(body)
    if not call.principal.sees(body.id):
        raise ApiError("forbidden", "The token is limited to other instances")
    desired = Desired(body.desired)
    site.command(lambda ref: CreateInstance(ref, body.id, config, desired))
    seen(site, body.id, lambda one: one is not None)
    one = site.model.instance(body.id) or InstanceSnapshot(body.id, site.clock(), config, desired.value)
    return with_headers(shown(site, one, status=201), {"Location": f"/api/v1/instances/{body.id}"})


def show(site: Site, call: Call) -> Answer:
    return shown(site, known(site, call.params["instance_id"]))


def remove(site: Site, call: Call) -> Answer:
    instance_id = call.params["instance_id"]
    site.command(lambda ref: RemoveInstance(ref, instance_id))
    seen(site, instance_id, lambda one: one is None)
    data: dict[str, Any] = {"id": instance_id, "removed": True}
    return success(data)
