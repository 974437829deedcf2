"""What must be true all the time. Functions and ledgers of what was seen: they judge, they never look or act.

Every complaint is one line of text that names the instance; no complaint is the good case.
"""

import base64
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.counting import Numbers
from simulator.views import InstanceSummary

# How long a link may be on its way in a state before somebody has to say why.
ON_ITS_WAY_S = {"dialling": 25.0, "authenticating": 25.0, "closing": 10.0, "idle": 15.0}
UNSAID_S = 3.0


def one_session(name: str, seen: InstanceSummary) -> Iterator[str]:
    """Never two authorised sessions, no frame of an old one after a new one began, nothing that RFC 6455 forbids."""
    if seen.sessions_max > 1 or seen.open_max > 1:
        yield f"{name}: {seen.sessions_max} sessions, {seen.open_max} open connections at one time"
    if seen.stale_frames:
        yield f"{name}: {seen.stale_frames} frames of an old connection after a new one had its session"
    if seen.violations:
        yield f"{name}: broke the WebSocket protocol {seen.violations} times"
    if seen.acks_unknown:
        yield f"{name}: acknowledged {seen.acks_unknown} events that never were"


def explained(one: Mapping[str, Any], age_s: float) -> Iterator[str]:
    """Whoever looks at an instance learns why it is as it is. `one`: the API's object, `age_s`: of its state."""
    name, state = one["id"], one["link_state"]
    if one["desired"] != "connected" or state == "open":
        return
    if state == "quarantined":
        yield f"{name}: quarantined: {one['reason']}"
    elif state == "parked":
        if not (one["reason"] and one["next_step"]):
            yield f"{name}: parked without a reason or without a next step"
    elif state == "waiting":
        if age_s > UNSAID_S and not one["reason"]:
            yield f"{name}: has waited for {age_s:.0f} s without a reason"
    elif age_s > ON_ITS_WAY_S[state]:
        yield f"{name}: {state} for {age_s:.0f} s"


@dataclass(slots=True)
class EventLedger:
    """The journal's events as they come: global numbers grow, each event of the upstream is there once."""

    last: int = 0
    received: dict[str, Numbers] = field(default_factory=dict)
    doubled: int = 0

    def take(self, event: Mapping[str, Any]) -> Iterator[str]:
        """The next event of the journal, as the API shows it."""
        number = number_of(event["id"])
        if number <= self.last:
            yield f"the journal's numbers went from {self.last} to {number}"
        self.last = max(self.last, number)
        if event["kind"] != "message.received":
            return
        name, ident = event["instance_id"], event["data"]["content"]["id"]
        if not self.received.setdefault(name, Numbers()).add(ident):
            self.doubled += 1
            yield f"{name}: event {ident} is in the journal twice"

    def lost(self, name: str, acknowledged: Iterable[int]) -> list[int]:
        """Acknowledged to the upstream, but not in the journal."""
        there: set[int] = set()
        for first, last in self.received.get(name, Numbers()).ranges():
            there.update(range(first, last + 1))
        return sorted(set(acknowledged) - there)


def number_of(cursor: str) -> int:
    """The global number in an event's id."""
    return int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).rpartition(b":")[2])


@dataclass(slots=True)
class MessageLedger:
    """Messages that the server accepted (202), and what the upstream got. Filled by several threads: appends only.

    `accepted`: ids by instance, in order. `arrived`: the same at the upstream, first arrivals only.
    """

    accepted: dict[str, list[str]] = field(default_factory=dict)
    arrived: dict[str, list[str]] = field(default_factory=dict)
    repeated: int = 0
    _known: set[tuple[str, str, float]] = field(default_factory=set)
    _there: dict[str, set[str]] = field(default_factory=dict)

    def accept(self, name: str, ident: str) -> None:
        self.accepted.setdefault(name, []).append(ident)

    def arrive(self, name: str, ident: str, at_s: float) -> None:
        """One arrival; the same one may be told again."""
        if (name, ident, at_s) in self._known:
            return
        self._known.add((name, ident, at_s))
        there = self._there.setdefault(name, set())
        if ident in there:
            self.repeated += 1
            return
        there.add(ident)
        self.arrived.setdefault(name, []).append(ident)

    def missing(self, name: str) -> list[str]:
        """Accepted, but never seen by the upstream."""
        there = self._there.get(name, set())
        return [ident for ident in self.accepted.get(name, []) if ident not in there]

    def disorder(self, name: str) -> Iterator[str]:
        """Accepted messages arrive in the order in which they were accepted."""
        order = {ident: place for place, ident in enumerate(self.accepted.get(name, []))}
        places = [order[ident] for ident in self.arrived.get(name, []) if ident in order]
        if places != sorted(places):
            yield f"{name}: messages arrived in another order than they were accepted"


@dataclass(slots=True)
class Orphans:
    """Processes that were once below the launcher and live on without it. `P`: anything with `alive`."""

    grace_s: float = 2.0
    _known: set[Any] = field(default_factory=set)
    _since_s: dict[Any, float] = field(default_factory=dict)

    def look(self, below: Collection[Any], now_s: float) -> Iterator[str]:
        """`below`: the living processes below the launcher now."""
        apart = {one for one in self._known - set(below) if one.alive}
        self._since_s = {one: self._since_s.get(one, now_s) for one in apart}
        self._known = set(below) | apart
        for one, since_s in self._since_s.items():
            if now_s - since_s > self.grace_s:
                yield f"process {one.pid} lives on without its parents"


def leaked(what: str, before: Mapping[str, float], after: Mapping[str, float], slack: float) -> Iterator[str]:
    """More than before: by role, the most of any one process of that role."""
    for role, most in after.items():
        if role in before and most > before[role] + slack:
            yield f"{role}: {what} grew from {before[role]:.0f} to {most:.0f}"
