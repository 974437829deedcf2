"""The control API: which request does what.

Bodies and answers are JSON. Errors are `{"error": text}` with 400 (a body or an act that cannot be), 404 (unknown
path, account, device, connection) or 405.
"""

from typing import Any

from simulator.control import Handler, Routes
from simulator.whatsapp import fault_routes as faults
from simulator.whatsapp import people_routes as people
from simulator.whatsapp.control_call import Call
from simulator.whatsapp.views import server_view, stanza_views


async def about(call: Call) -> Any:
    return {**server_view(call.service.server), "url": call.service.url, "errors": call.service.errors}


async def stanzas(call: Call) -> Any:
    return stanza_views(call.service.server)


async def complaints(call: Call) -> Any:
    return list(call.service.server.core.observed.complaints)


# The same for a device that is connected and for any connection by its number.
_OF_LINKS: dict[str, dict[str, Handler[Call]]] = {
    "end": {"POST": faults.end},
    "notice": {"POST": faults.notice},
    "silence": {"POST": faults.silence},
    "frames": {"PUT": faults.set_frames},
}

ROUTES: Routes[Call] = {
    "/": {"GET": about},
    "/stanzas": {"GET": stanzas},
    "/complaints": {"GET": complaints},
    "/settings": {"PATCH": faults.change_settings},
    "/certificates": {"PUT": faults.set_certificates},
    "/upgrade": {"PUT": faults.set_upgrade},
    "/refusals/*": {"PUT": faults.refuse, "DELETE": faults.welcome},
    "/faults/*": {"PUT": faults.set_faults, "DELETE": faults.clear_faults},
    "/groups": {"GET": people.groups},
    "/links": {"GET": faults.links},
    **{f"/links/*/{name}": methods for name, methods in _OF_LINKS.items()},
    "/accounts": {"GET": people.people},
    "/accounts/*": {"GET": people.show_person, "PUT": people.add_person},
    "/accounts/*/scan": {"POST": people.scan},
    "/accounts/*/code": {"POST": people.type_code},
    "/accounts/*/texts": {"POST": people.send_text},
    "/accounts/*/typing": {"POST": people.typing},
    "/accounts/*/calls": {"POST": people.ring},
    "/accounts/*/inbox": {"GET": people.inbox},
    "/accounts/*/history": {"POST": people.history},
    "/accounts/*/app-state-key": {"POST": people.app_state_key},
    "/accounts/*/reinstall": {"POST": people.reinstall},
    "/accounts/*/forget-sessions": {"POST": people.forget_sessions},
    "/accounts/*/phone": {"PATCH": people.change_phone},
    "/accounts/*/groups": {"POST": people.create_group, "PATCH": people.change_group},
    "/accounts/*/devices/*": {"DELETE": people.unlink},
    "/accounts/*/devices/*/hold": {"PUT": faults.hold, "DELETE": faults.release},
    "/accounts/*/devices/*/keys": {"PUT": faults.set_keys},
    **{f"/accounts/*/devices/*/{name}": methods for name, methods in _OF_LINKS.items()},
}
