"""/api/v1/server and /api/v1/reload."""

import os
from dataclasses import asdict
from typing import Any

from core.config import Settings
from core.messages import ReloadSettings
from web.answer import Answer, rfc3339, success
from web.call import Call
from web.errors import invalid
from web.legacy import not_ready
from web.site import ReloadFailed, Site

# Read once at the start; a new value waits for the next one.
AT_START = {
    "http": ("host", "port", "threads", "tls_cert_file", "tls_key_file", "socket_timeout_s"),
    "actors": ("bind", "port", "max_frame_bytes"),
    "supervision": ("group_size",),
}
SHOWN = ("breaker", "retry", "failures", "gate", "limits", "outbox", "events", "supervision", "storage")


def server(site: Site, _call: Call) -> Answer:
    """What runs here, since when, with which settings, and why it is not ready, if it is not."""
    now_s = site.clock()
    settings = asdict(site.settings.now)
    data: dict[str, Any] = {
        "name": "sambung",
        "version": site.version,
        "started_at": rfc3339(site.started_at),
        "uptime_s": round(max(0.0, now_s - site.started_at), 3),
        "pid": os.getpid(),
        "connected_to_actors": site.bridge.connected,
        "not_ready": not_ready(site),
        "settings": {section: settings[section] for section in SHOWN},
    }
    return success(data)


def reload(site: Site, call: Call) -> Answer:
    """Validate the settings files, then swap everywhere; nothing changes when anything is wrong."""
    call.no_body(site.settings.now.http.max_body_bytes)
    changed = apply(site)
    waiting = [name for name in changed if name.partition(".")[2] in AT_START.get(name.partition(".")[0], ())]
    return success({"changed": changed, "restart_needed": waiting})


def apply(site: Site, *, in_lane: bool = True) -> list[str]:
    """Reload and swap; returns the names of the knobs that changed. Raises ApiError. `in_lane`: see `Site.ask`."""
    try:
        settings = site.reload_settings()
    except ReloadFailed as error:
        raise invalid(*error.problems) from None
    site.command(lambda ref: ReloadSettings(ref, settings), in_lane=in_lane)
    changed = changed_knobs(site.settings.now, settings)
    site.settings.now = settings
    return changed


def changed_knobs(old: Settings, new: Settings) -> list[str]:
    before, after = asdict(old), asdict(new)
    return [
        f"{section}.{name}"
        for section, values in after.items()
        for name, value in values.items()
        if before[section][name] != value
    ]
