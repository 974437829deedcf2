"""`status`: what runs, since when, where it listens, how well it does, and its instances."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cli.client import Client
from cli.failure import CommandFailed, NotRunning
from cli.folder import Place, keeper_of, launcher_of, read_listening
from cli.output import table

WIDE_COLUMNS = 120
STATE_STYLES = {"open": "green", "waiting": "yellow", "parked": "red", "quarantined": "red"}


def collect(place: Place) -> dict[str, Any]:
    """Everything that `status` shows, as JSON-able data; NotRunning when no server runs."""
    launcher, keeper = launcher_of(place), keeper_of(place)
    if launcher is None and keeper is None:
        raise NotRunning(place.data.root)
    listening = read_listening(place)
    found: dict[str, Any] = {
        "running": launcher is not None,
        "background": keeper is not None,
        "pid": launcher.pid if launcher else None,
        "keeper_pid": keeper.pid if keeper else None,
        "uptime_s": round(time.time() - created_at(launcher.pid), 1) if launcher else None,
        "url": listening.url if listening else None,
        "data": str(place.data.root),
        "logs": str(place.logs),
        "health": None,
        "instances": [],
        "problem": None if listening else "the web process does not listen yet",
    }
    if listening:
        try:
            client = Client.of(place, timeout_s=5.0)
            found["health"] = client.call("GET", "/health")["data"]
            found["instances"] = client.all_pages("/api/v1/instances")
        except CommandFailed as failure:
            found["problem"] = failure.message
    return found


def created_at(pid: int) -> float:
    """When the process started, epoch seconds."""
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return time.time()


def render(status: Mapping[str, Any]) -> list[Any]:
    """The same for people."""
    health = status["health"] or {}
    how = (
        f"pid {status['pid']}, up {duration(status['uptime_s'])}"
        if status["running"]
        else "being started again"
    )
    lines = [
        ("server", f"{'in the background' if status['background'] else 'in the foreground'}: {how}"),
        ("address", status["url"]),
        ("data, logs", f"{status['data']}, {status['logs']}"),
    ]
    if health:
        counts = f"{health['active_connections']} of {health['total_instances']} instances connected"
        lines.append(("health", f"{health['health_score']}: {counts}, {breakers(health)}"))
        lines.append(("available", availability(health)))
    if status["problem"]:
        lines.append(("problem", status["problem"]))
    head = "\n".join(f"{name:<11} {value}" for name, value in lines if value)
    return [head, *([instances_table(status["instances"])] if status["instances"] else [])]


def breakers(health: Mapping[str, Any]) -> str:
    number = health["circuit_breaker_activations"]
    return f"{number} circuit breaker{'' if number == 1 else 's'} open"


# A window, and where /health has it.
WINDOWS = (
    ("since the start", "availability", "outage_s"),
    ("in 24 hours", "availability_24h", "outage_24h_s"),
    ("in 30 days", "availability_30d", "outage_30d_s"),
)


def availability(health: Mapping[str, Any]) -> str | None:
    """`99.98 % since the start, 99.90 % in 24 hours (upstreams down: 5 min 2 s)`; None while nothing was wanted."""
    parts = []
    for window, share, outage in WINDOWS:
        if health.get(share) is not None:
            lost_s = health.get(outage) or 0.0
            down = f" (upstreams down: {duration(lost_s)})" if lost_s >= 1 else ""
            parts.append(f"{percent(health[share])} {window}{down}")
    return ", ".join(parts) or None


def styled(text: str, style: str) -> Any:
    from rich.text import Text

    return Text(text, style=style)


def link(one: Mapping[str, Any]) -> Any:
    return styled(one["link_state"], STATE_STYLES.get(one["link_state"], ""))


def breaker(one: Mapping[str, Any]) -> Any:
    return styled(one["breaker_state"], "" if one["breaker_state"] == "closed" else "red")


# Heading, cell, and whether it is left out where space is short.
COLUMNS: tuple[tuple[str, Callable[[Mapping[str, Any]], Any], bool], ...] = (
    ("id", lambda one: one["id"], False),
    ("link", link, False),
    ("breaker", breaker, False),
    ("attempts", lambda one: one["attempts"], False),
    ("failures", lambda one: one["recent_failures"], True),
    ("next try", lambda one: seconds(one["next_retry_in_s"]), False),
    ("pid", lambda one: one["pid"], False),
    ("restarts", lambda one: one["restarts"], False),
    ("available", lambda one: percent(one["availability"]), True),
    ("reason", lambda one: one["reason"], True),
)


def instances_table(instances: Sequence[Mapping[str, Any]], compact: bool | None = None) -> Any:
    """One row per instance; `compact` None: where the terminal is narrow."""
    import shutil

    if compact is None:
        compact = shutil.get_terminal_size((200, 50)).columns < WIDE_COLUMNS
    chosen = [column for column in COLUMNS if not (compact and column[2])]
    rows = [[cell(one) for _, cell, _ in chosen] for one in instances]
    return table([heading for heading, _, _ in chosen], rows)


def seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s"


def percent(value: float | None) -> str | None:
    return None if value is None else f"{value * 100:.2f} %"


def duration(value_s: float) -> str:
    """`3 d 4 h`, `5 min 2 s`: the two largest units."""
    left, parts = int(value_s), list[str]()
    for name, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= size or parts or name == "s":
            parts.append(f"{left // size} {name}")
            left %= size
    return " ".join(parts[:2])
