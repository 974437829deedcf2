"""PATCH of an instance: fields that are given replace the old ones, null resets them, secrets stay when masked."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.instances import MASK, Desired, InstanceConfig
from core.messages import UpdateInstance
from web.answer import Answer
from web.api import instances
from web.api.instanceconfig import build, problems
from web.api.models import ChangedBody, Problem, an_object, checked
from web.call import Call
from web.site import Site

DESIRED = tuple(one.value for one in Desired)


def patch(site: Site, call: Call) -> Answer:
    """One change at a time: the merged configuration must be built on the newest one."""
    instances.known(site, call.params["instance_id"])
    changes = an_object(call.json_body(site.settings.now.http.max_body_bytes))
    with site.changing.under_way(""):
        return _patch(site, call.params["instance_id"], changes)


def _patch(site: Site, instance_id: str, changes: Mapping[str, Any]) -> Answer:
    before = instances.known(site, instance_id)
    fields = dict(changes)
    config, desired = merged(before.config, fields)
    site.command(lambda ref: UpdateInstance(ref, instance_id, config, desired))
    wanted = before.desired if desired is None else desired.value
    instances.seen(
        site, instance_id, lambda one: one is not None and one.config == config and one.desired == wanted
    )
    return instances.shown(site, instances.known(site, instance_id))


def merged(config: InstanceConfig, changes: Mapping[str, Any]) -> tuple[InstanceConfig, Desired | None]:
    """The configuration after the changes, and the state that they want; raises ApiError 422 naming what is wrong."""
    old, shown = config.to_dict(), config.masked()
    known = list(_problems(changes, old))
    fields = dict(old)
    for name, value in changes.items():
        if value is None:
            fields.pop(name, None)
        elif name in shown and value == shown[name]:
            continue  # as shown to the client: nothing changes, whatever is hidden stays
        elif name != "desired":
            fields[name] = _unmasked(name, value, old)
    fields["link"] = old["link"]
    made = build(checked(ChangedBody, fields, problems, known))
    if "desired" not in changes:
        return made, None
    return made, Desired(changes["desired"] or Desired.CONNECTED)  # null means the default


def _problems(changes: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the changes as such, whatever the configuration becomes."""
    if changes.get("link", old["link"]) != old["link"]:
        yield "link", "cannot be changed; remove the instance and make a new one"
    if changes.get("desired") not in (None, *DESIRED):
        yield "desired", f"must be one of {', '.join(DESIRED)}"
    headers = changes.get("headers")
    for header, text in headers.items() if isinstance(headers, dict) else ():
        if text == MASK and header not in old["headers"]:
            yield f"headers.{header[:64]}", "is masked, but there is no stored value to keep"


def _unmasked(name: str, value: Any, old: Mapping[str, Any]) -> Any:
    """Headers whose value is the mask keep the one they have."""
    if name != "headers" or not isinstance(value, dict):
        return value
    stored = old["headers"]
    return {
        header: stored[header] if text == MASK and header in stored else text
        for header, text in value.items()
    }
