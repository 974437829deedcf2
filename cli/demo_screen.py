"""How the demo is shown: a live table with the latest lines on a terminal, plain lines elsewhere."""

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cli.output import line
from cli.status_view import breakers, instances_table

LINES = 14


class Screen(Protocol):
    """What the demo tells: something that happened, and the state of everything."""

    def tell(self, now_s: float, who: str, text: str) -> None: ...

    def state(self, health: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> None: ...

    def close(self) -> None: ...


def narrated(now_s: float, who: str, text: str) -> str:
    """One line of the narration."""
    return f"{now_s:6.1f} s  {who:<10} {text}"


def summary(health: Mapping[str, Any]) -> str:
    """/health in one line."""
    return (
        f"health score {health['health_score']}, {health['active_connections']} of "
        f"{health['total_instances']} connected, {breakers(health)}"
    )


class PlainScreen:
    """Lines; the summary whenever it changes."""

    def __init__(self) -> None:
        self._last = ""
        self._now_s = 0.0

    def tell(self, now_s: float, who: str, text: str) -> None:
        self._now_s = now_s
        line(narrated(now_s, who, text))

    def state(self, health: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> None:
        if (text := summary(health)) != self._last:
            self._last = text
            line(narrated(self._now_s, "/health", text))
            sys.stdout.flush()

    def close(self) -> None:
        sys.stdout.flush()


class LiveScreen:
    """A table that stays in place, with the latest lines below."""

    def __init__(self) -> None:
        from rich.live import Live

        self._lines: deque[str] = deque(maxlen=LINES)
        self._live = Live(auto_refresh=False)
        self._live.start()

    def tell(self, now_s: float, who: str, text: str) -> None:
        self._lines.append(narrated(now_s, who, text))

    def state(self, health: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> None:
        from rich.console import Group
        from rich.text import Text

        told = Text("\n".join(self._lines), no_wrap=True, overflow="ellipsis")
        self._live.update(
            Group(Text(summary(health), "bold"), instances_table(instances, compact=True), told), refresh=True
        )

    def close(self) -> None:
        self._live.stop()


def screen() -> Screen:
    """The one that fits stdout."""
    return LiveScreen() if sys.stdout.isatty() else PlainScreen()
