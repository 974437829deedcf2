"""/api/v1/cleanup: what the last sweep found, a sweep now, and session files without instance."""

from dataclasses import asdict
from typing import Any

from core.instances import valid_id
from core.messages import DeleteLeftover, RunCleanup
from core.sweeps import Sweep
from web import view
from web.answer import Answer, rfc3339, success
from web.api.instances import SEEN_S
from web.call import Call
from web.errors import ApiError
from web.readmodel import ReadModel
from web.site import Site, refused


def _orphans(model: ReadModel) -> tuple[str, ...]:
    sweep = None if model.fleet is None else model.fleet.host.sweep
    return () if sweep is None else sweep.orphans


def show(site: Site, _call: Call) -> Answer:
    """`last` is null before the first sweep; `total` counts since the actors' start."""
    fleet = site.model.fleet
    if fleet is None:
        raise ApiError("not_ready", "The state of the instances has not arrived yet")
    sweep = fleet.host.sweep
    data = {
        "last": None if sweep is None else shown(sweep, site.clock()),
        "total": asdict(fleet.host.swept),
        "interval_s": site.settings.now.cleanup.interval_s,
    }
    return success(data)


def shown(sweep: Sweep, now_s: float) -> dict[str, Any]:
    """One sweep. `orphaned_sessions`: the first session files without instance, which are kept."""
    return {
        "at": rfc3339(sweep.at),
        "age_s": view.age_s(sweep.at, now_s),
        "duration_s": round(sweep.duration_s, 3),
        "caught": asdict(sweep.caught),
        "orphaned_sessions": list(sweep.orphans),
        "orphan_count": sweep.orphan_count,
        "problems": list(sweep.problems),
    }


def run(site: Site, call: Call) -> Answer:
    """202: the result is at GET as soon as its time changes."""
    call.no_body(site.settings.now.http.max_body_bytes)
    site.command(RunCleanup)
    return success({"running": True}, status=202)


def delete_session(site: Site, call: Call) -> Answer:
    """Delete the session file of an instance that is not configured any more; 409 when it is."""
    name = call.params["session"]
    absent = ApiError("not_found", f"There is no session file without instance named {name}")
    if not valid_id(name):
        raise absent
    reply = site.ask(lambda ref: DeleteLeftover(ref, name))
    if reply.ok:
        site.model.wait_for(lambda model: name not in _orphans(model), SEEN_S)
        return success({"id": name, "deleted": True})
    raise absent if reply.code == "not_found" else refused(reply)
