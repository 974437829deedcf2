"""PATCH of an instance: fields that are given replace the old ones, null resets them, secrets stay when masked."""

from collections.abc import Mapping
from typing import Any

from core.instances import MASK, Desired, InstanceConfig
from core.messages import UpdateInstance
from web.answer import Answer
from web.api import instances
from web.api.instanceconfig import build
from web.api.models import ConfigBody, an_object, checked
from web.call import Call
from web.errors import ApiError, invalid
from web.site import Site

DESIRED = tuple(one.value for one in Desired)


def patch(site: Site, call: Call) -> Answer:
    """One change at a time: the merged configuration must be built on the newest one."""
    instances.known(site, call.params["instance_id"])
    changes = an_object(call.json_body(site.settings.now.http.max_body_bytes))
    if not site.changing.acquire(timeout=site.settings.now.http.command_timeout_s):
        raise ApiError("busy", "Another change is still being made; try again")
    try:
        return _patch(site, call.params["instance_id"], changes)
    finally:
        site.changing.release()


def _patch(site: Site, instance_id: str, changes: Mapping[str, Any]) -> Answer:
    before = instances.known(site, instance_id)
    fields = dict(changes)
    desired = _desired(fields)
    config = merged(before.config, fields)
    site.command(lambda ref: UpdateInstance(ref, instance_id, config, desired))
    wanted = before.desired if desired is None else desired.value
    instances.seen(
        site, instance_id, lambda one: one is not None and one.config == config and one.desired == wanted
    )
    return instances.shown(site, instances.known(site, instance_id))


def _desired(fields: dict[str, Any]) -> Desired | None:
    """Takes `desired` out of the fields; null means the default."""
    if "desired" not in fields:
        return None
    value = fields.pop("desired")
    if value is None:
        return Desired.CONNECTED
    if value not in DESIRED:
        raise invalid(("desired", f"must be one of {', '.join(DESIRED)}"))
    return Desired(value)


def merged(config: InstanceConfig, changes: Mapping[str, Any]) -> InstanceConfig:
    """The configuration after the changes; raises ApiError 422 naming what is wrong."""
    old, shown = config.to_dict(), config.masked()
    if changes.get("link", old["link"]) != old["link"]:
        raise invalid(("link", "cannot be changed; remove the instance and make a new one"))
    fields = dict(old)
    for name, value in changes.items():
        if value is None:
            fields.pop(name, None)
        elif name in shown and value == shown[name]:
            continue  # as shown to the client: nothing changes, whatever is hidden stays
        else:
            fields[name] = _unmasked(name, value, old)
    fields["link"] = old["link"]
    return build(checked(ConfigBody, fields))


def _unmasked(name: str, value: Any, old: Mapping[str, Any]) -> Any:
    """Headers whose value is the mask keep the one they have."""
    if name != "headers" or not isinstance(value, dict):
        return value
    unknown = [header for header, text in value.items() if text == MASK and header not in old["headers"]]
    if unknown:
        raise invalid((f"headers.{unknown[0][:64]}", "is masked, but there is no stored value to keep"))
    return {header: old["headers"][header] if text == MASK else text for header, text in value.items()}
