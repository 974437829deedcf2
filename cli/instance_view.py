"""One instance, for people."""

import json
from collections.abc import Mapping
from typing import Any

from cli.output import table
from cli.status_view import percent, seconds


def render(found: Mapping[str, Any]) -> list[Any]:
    """Its state as name and value, and its timeline when that is there."""
    shown = dict(found) | {
        "next_retry_in_s": seconds(found.get("next_retry_in_s")),
        "last_frame_age_s": seconds(found.get("last_frame_age_s")),
        "outage_s": seconds(found.get("outage_s")),
        "outage_24h_s": seconds(found.get("outage_24h_s")),
        "outage_30d_s": seconds(found.get("outage_30d_s")),
        "availability": percent(found.get("availability")),
        "availability_24h": percent(found.get("availability_24h")),
        "availability_30d": percent(found.get("availability_30d")),
        "config": configuration(found.get("config") or {}),
    }
    shown.pop("timeline", None)
    rows = [
        (name.removesuffix("_s").removesuffix("_in"), value)
        for name, value in shown.items()
        if value is not None
    ]
    width = max(len(name) for name, _ in rows)
    parts: list[Any] = ["\n".join(f"{name:<{width}}  {value}" for name, value in rows)]
    if timeline := found.get("timeline"):
        parts.append(timeline_table(timeline))
    return parts


def configuration(config: Mapping[str, Any]) -> str:
    """What is set, without what is empty."""
    return json.dumps({name: value for name, value in config.items() if value}, ensure_ascii=False)


def timeline_table(entries: list[Mapping[str, Any]]) -> Any:
    """Newest first, as the server gives it."""
    rows = [
        (each["at"], each["event"], each["state"], each["cause"], seconds(each["delay_s"]), each["why_not"])
        for each in entries
    ]
    return table(("at", "event", "state", "cause", "delay", "why not retrying"), rows)
