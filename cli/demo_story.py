"""What has been seen of the demo, from what the API says; and when to heal the refused upstream. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from cli.demo_cast import KILLED, REFUSED

KILL_FIRST_S, KILL_EVERY_S = 8.0, 30.0
HEALTHY_S = 25.0  # the refused upstream stays healed for so long, then it refuses again


class Phase(Enum):
    """What the demo is there to show."""

    CONNECTED = "connected"
    BROKE = "broke"
    BACKED_OFF = "backed off"
    OPENED = "opened its breaker"
    HALF_OPEN = "probed half-open"
    RECOVERED = "recovered"
    RESTARTED = "restarted after a kill"


class Upstream(Enum):
    """The refused upstream: REFUSING until a probe has failed, then HEALED for a while."""

    REFUSING = "refusing"
    HEALED = "healed"


@dataclass(slots=True)
class Story:
    """`feed` takes each new state of all instances (the API's objects) at `now_s`, seconds since the start.

    `news`: what no timeline tells, as (instance, text); whoever tells it empties the list.
    """

    seen: dict[Phase, float] = field(default_factory=dict)
    news: list[tuple[str, str]] = field(default_factory=list)
    upstream: Upstream = Upstream.REFUSING
    killed_pid: int | None = None
    kills: int = 0
    _before: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _pids: dict[str, int] = field(default_factory=dict)
    _trips: int = 0
    _changed_s: float = 0.0

    def feed(self, instances: Sequence[Mapping[str, Any]], now_s: float) -> None:
        for one in instances:
            old = self._before.get(one["id"], {})
            for phase in phases(old, one, opened=Phase.OPENED in self.seen):
                self.seen.setdefault(phase, now_s)
            self._count_trip(old, one)
            self._note_process(one)
            if one["id"] == KILLED.instance_id and self.was_restarted(one):
                self.seen.setdefault(Phase.RESTARTED, now_s)
                self.killed_pid = None
            self._before[one["id"]] = one

    def _note_process(self, one: Mapping[str, Any]) -> None:
        pid = one["pid"]
        if pid is not None and self._pids.setdefault(one["id"], pid) != pid:
            self._pids[one["id"]] = pid
            self.news.append((one["id"], f"its supervisor has started a new process, pid {pid}"))

    def _count_trip(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        opened = new["breaker_state"] == "open" and old.get("breaker_state") != "open"
        if new["id"] == REFUSED.instance_id and opened:
            self._trips += 1

    def was_restarted(self, one: Mapping[str, Any]) -> bool:
        """Does another process hold the link of the killed one?"""
        another = self.killed_pid is not None and one["pid"] not in (None, self.killed_pid)
        return another and bool(one["link_state"] == "open")

    def upstream_wish(self, now_s: float, probe_failed: bool) -> Upstream | None:
        """What the refused upstream is to do from now on; None: go on as it does."""
        if self.upstream is Upstream.REFUSING and self._trips and probe_failed:
            return self._turn(Upstream.HEALED, now_s)
        recovered = Phase.RECOVERED in self.seen
        if self.upstream is Upstream.HEALED and recovered and now_s - self._changed_s > HEALTHY_S:
            return self._turn(Upstream.REFUSING, now_s)
        return None

    def _turn(self, wish: Upstream, now_s: float) -> Upstream:
        self.upstream, self._changed_s, self._trips = wish, now_s, 0
        return wish

    def victim(self, now_s: float) -> int | None:
        """The pid to kill now; None: nobody. Only a process whose link is open is worth it."""
        one = self._before.get(KILLED.instance_id, {})
        due = now_s >= KILL_FIRST_S + KILL_EVERY_S * self.kills
        if not due or self.killed_pid is not None or one.get("link_state") != "open":
            return None
        self.kills += 1
        self.killed_pid = one["pid"]
        return self.killed_pid

    @property
    def missing(self) -> list[Phase]:
        """What has not been seen yet."""
        return [phase for phase in Phase if phase not in self.seen]


def phases(old: Mapping[str, Any], new: Mapping[str, Any], opened: bool) -> list[Phase]:
    """What the step from one state of an instance to the next shows."""
    found = []
    if new["link_state"] == "open":
        found.append(Phase.CONNECTED)
    elif old.get("link_state") == "open":
        found.append(Phase.BROKE)
    if new["link_state"] == "waiting" and new["attempts"] > 0:
        found.append(Phase.BACKED_OFF)
    if new["breaker_state"] == "open":
        found.append(Phase.OPENED)
    if new["breaker_state"] == "half_open":
        found.append(Phase.HALF_OPEN)
    closed_again = old.get("breaker_state") in ("open", "half_open") and new["breaker_state"] == "closed"
    if opened and closed_again and new["link_state"] == "open":
        found.append(Phase.RECOVERED)
    return found
