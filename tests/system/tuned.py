"""A server with a settings file of its own, for the tests of knobs: written, reloaded, and instances on it."""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server import Server, running
from watching import log_events

from simulator.client import Listener

Knobs = Mapping[str, Mapping[str, Any]]
Add = Callable[..., str]
NUMBERS = itertools.count()

FILE: Knobs = {
    "retry": {
        "delay_s": 0.2,
        "timeout_delay_s": 0.7,
        "step_s": 0.1,
        "max_s": 0.4,
        "jitter": 0,
        "fast_first_s": 0,
        "stable_after_s": 0.6,
    },
    "breaker": {"failure_threshold": 9, "reset_after_s": 1.5, "window_s": 60},
    "failures": {"high": 2},
    "transport": {"dial_timeout_s": 0.5},
    "supervision": {"heartbeat_s": 0.5},
    "log": {"timezone": "Asia/Jakarta"},
}
# The environment goes before the file.
THRESHOLD = 6


def toml(knobs: Knobs) -> str:
    lines: list[str] = []
    for section, values in knobs.items():
        lines.append(f"[{section}]")
        for key, value in values.items():
            lines.append(f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {str(value).lower()}")
    return "\n".join(lines) + "\n"


@dataclass
class Tuned:
    """The server and its file. `knobs`: what the file holds."""

    server: Server
    file: Path
    knobs: dict[str, dict[str, Any]]

    def change(self, section: str, **values: Any) -> Any:
        """Write the file anew and reload; the API's answer."""
        self.knobs.setdefault(section, {}).update(values)
        self.file.write_text(toml(self.knobs))
        answer = self.server.call("POST", "/api/v1/reload")
        assert answer.status == 200, answer.raw
        return answer.data

    def delays(self, name: str) -> list[float]:
        """Every wait before a retry of this instance, as it was chosen."""
        return [one["delay_s"] for one in log_events(self.server, name, "retry.scheduled")]

    @contextlib.contextmanager
    def adding(self) -> Iterator[Add]:
        """Makes instances that are removed at the end: `add(listener, **config)`, its name."""
        made: list[str] = []

        def add(upstream: Listener, **config: Any) -> str:
            name = f"n{next(NUMBERS)}"
            self.server.add(name, upstream.url_of(name), **config)
            made.append(name)
            return name

        yield add
        for name in made:
            self.server.call("DELETE", f"/api/v1/instances/{name}")


@contextlib.contextmanager
def tuned_server(folder: Path) -> Iterator[Tuned]:
    """Started with `FILE`, and with the threshold in the environment."""
    file = folder / "own.toml"
    file.write_text(toml(FILE))
    env = {"breaker__failure_threshold": str(THRESHOLD)}
    with running(folder / "data", "--config", str(file), **env) as server:
        yield Tuned(server, file, {section: dict(values) for section, values in FILE.items()})
