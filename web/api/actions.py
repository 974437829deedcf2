"""What operators do to one instance: connect, disconnect, restart, force-retry, reset. Bodies are empty or {}."""

from core.instances import Desired
from core.messages import RestartInstance, UpdateInstance
from web import legacy
from web.answer import Answer
from web.api import instances
from web.call import Call
from web.site import Site


def connect(site: Site, call: Call) -> Answer:
    return _want(site, call, Desired.CONNECTED)


def disconnect(site: Site, call: Call) -> Answer:
    return _want(site, call, Desired.DISCONNECTED)


def restart(site: Site, call: Call) -> Answer:
    """Replace the instance's process; clears a quarantine."""
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    call.no_body(site.settings.now.http.max_body_bytes)
    site.command(lambda ref: RestartInstance(ref, instance_id))
    return instances.shown(site, instances.known(site, instance_id))


def force_retry(site: Site, call: Call) -> Answer:
    """The operators' own endpoint under its modern path."""
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    call.no_body(site.settings.now.http.max_body_bytes)
    return legacy.retry(site, instance_id)


def reset_breaker(site: Site, call: Call) -> Answer:
    """The operators' own endpoint under its modern path."""
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    call.no_body(site.settings.now.http.max_body_bytes)
    return legacy.reset(site, instance_id)


def _want(site: Site, call: Call, desired: Desired) -> Answer:
    instance_id = instances.known(site, call.params["instance_id"]).instance_id
    call.no_body(site.settings.now.http.max_body_bytes)
    site.command(lambda ref: UpdateInstance(ref, instance_id, desired=desired))
    instances.seen(site, instance_id, lambda one: one is not None and one.desired == desired.value)
    return instances.shown(site, instances.known(site, instance_id))
