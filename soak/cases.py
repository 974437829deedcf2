"""One fault that happened: whom it hit, since when, who is back, and how long that took."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from soak.faults import Fault, Lift, Scope

# Not back so long after its budget: somebody has to look.
STUCK_S = 120.0


@dataclass(frozen=True, slots=True)
class Seen:
    """An instance that nothing happens to: its process and how often it has dialled do not change."""

    pid: int | None
    dials: int


@dataclass(slots=True)
class Case:
    """`began`, `lifted`: epoch seconds; `lift_s`: when it is to end (monotonic). `before`: the instances hit, as they
    were. `down_s`: seconds without a link of those that are back.
    """

    fault: Fault
    lift: Lift
    began: float
    lift_s: float
    before: dict[str, Seen]
    lifted: float | None = None
    down_s: dict[str, float] = field(default_factory=dict)

    @property
    def waiting(self) -> list[str]:
        """Those that are not back yet."""
        return [name for name in self.before if name not in self.down_s]

    @property
    def lasted_s(self) -> float:
        assert self.lifted is not None
        return self.lifted - self.began

    @property
    def budget_s(self) -> float:
        """How long each of them may be down."""
        return self.fault.budget_s(self.lasted_s)

    @property
    def broke(self) -> bool:
        """Were links to be lost?"""
        return self.fault.breaks

    def stuck_s(self, now: float) -> float:
        """How long it has been lifted beyond its budget, when that is too long; else 0. `now`: epoch seconds."""
        over_s = 0.0 if self.lifted is None else now - self.lifted - self.budget_s
        return over_s if over_s > STUCK_S else 0.0

    def excuses(self, now: float) -> bool:
        """Whether the API may be away for it: only while parts of the server are being replaced."""
        return self.fault.scope is Scope.ALL and not self.stuck_s(now)

    def is_back(self, one: Mapping[str, Any], dials: int, sessions: int) -> bool:
        """Once lifted: open at both ends, with a new connection, and a new process where one was due."""
        before = self.before[one["id"]]
        if self.lifted is None or one["link_state"] != "open" or sessions != 1:
            return False
        if self.fault.replaces and one["pid"] in (None, before.pid):
            return False
        return dials > before.dials or not self.fault.breaks

    def disturbed(self, name: str, now: Seen) -> str | None:
        """What a fault that nobody may notice has done all the same."""
        if self.fault.breaks or now == self.before[name]:
            return None
        before = self.before[name]
        return (
            f"{name}: disturbed by {self.fault.what!r}: {now.dials - before.dials} dials, "
            f"process {before.pid} → {now.pid}"
        )
