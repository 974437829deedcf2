"""What a running server leaves to be seen: its log files, its processes' descriptors, its sockets at the upstream."""

import contextlib
import itertools
import json
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from server import Server, wait_for

HUMAN = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d) "
    r"(?P<level>DEBUG|INFO|WARN|ERROR) (?:\[(?P<who>[A-Za-z0-9._-]+)\] )?(?P<text>.*)"
)


def human_lines(server: Server, instance_id: str | None = None) -> list[dict[str, str]]:
    """sambung.log, line by line; fails at a line of another form. `instance_id`: only lines of this instance."""
    found = []
    for line in (server.data / "logs" / "sambung.log").read_bytes().decode("utf-8").splitlines():
        match = HUMAN.fullmatch(line)
        assert match is not None, line
        found.append(match.groupdict())
    return [one for one in found if instance_id is None or one["who"] == instance_id]


def log_events(server: Server, instance_id: str | None, event: str | None = None) -> list[dict[str, Any]]:
    """events.jsonl of one instance, or of none in particular; oldest first."""
    path = server.data / "logs" / "events.jsonl"
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return [one for one in found if one.get("instance_id") == instance_id and event in (None, one["event"])]


def wait_events(
    server: Server, instance_id: str, event: str, count: int = 1, deadline_s: float = 20.0
) -> list[dict[str, Any]]:
    """The log events of this name, once there are so many."""
    wait_for(
        lambda: len(log_events(server, instance_id, event)) >= count,
        deadline_s,
        lambda: f"no {count} × {event}: {[one['text'] for one in log_events(server, instance_id)]}",
    )
    return log_events(server, instance_id, event)


def at_s(stamp: str) -> float:
    """Epoch seconds of an RFC 3339 time."""
    return datetime.fromisoformat(stamp).timestamp()


def gaps_s(events: list[dict[str, Any]]) -> list[float]:
    """Seconds between log events."""
    times = [at_s(one["time"]) for one in events]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def open_fds(pid: int) -> dict[str, str]:
    """The descriptors of a process: number → what it leads to."""
    found = {}
    folder = Path(f"/proc/{pid}/fd")
    for entry in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found[entry] = os.readlink(folder / entry)
    return found


def tcp_to(pid: int, port: int) -> int:
    """How many TCP sockets of the process lead to this port, in any state."""
    return len(tcp_lines_to(pid, port))


def tcp_lines_to(pid: int, port: int) -> list[str]:
    """The kernel's line of each of those sockets: addresses and state in hexadecimal, timers, inode."""
    inodes = {link[8:-1] for link in open_fds(pid).values() if link.startswith("socket:[")}
    found: dict[str, str] = {}  # by inode
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            if int(words[2].rpartition(":")[2], 16) == port and words[9] in inodes:
                found[words[9]] = line.strip()
    return list(found.values())


def wait_equal(look: Callable[[], object], wanted: object, deadline_s: float = 10.0) -> None:
    """Until `look` gives what is wanted."""
    last: list[object] = [None]

    def same() -> bool:
        last[0] = look()
        return last[0] == wanted

    wait_for(same, deadline_s, lambda: f"found {last[0]!r}, wanted {wanted!r}")
