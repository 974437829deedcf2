"""The soak itself: draws faults, acts them out, looks once a second, judges."""

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.failure import CommandFailed
from cli.output import say
from cli.processes import descendants
from simulator.client import SimulatorError
from simulator.views import InstanceSummary
from soak import invariants
from soak.acts import heal
from soak.bed import Bed
from soak.cases import Case, Seen
from soak.faults import GENTLE, HARD, SINGLE, Fault, Scope
from soak.schedule import Kinds, Schedule
from soak.traffic import Traffic
from soak.weighing import Weights, weighed

LOOK_S = 1.0
TELL_S = 60.0
# So long after the last fault everything is over, or never.
WAIT_S = 600.0
# What was seen just before a fault may still be on its way here.
SETTLE_S = 3.0

# The API's objects, and the upstream's counters, by instance.
Shown = Mapping[str, dict[str, Any]]
Counts = Mapping[str, InstanceSummary]


@dataclass(slots=True)
class Soak:
    """`stable_s`: only links that are open for so long are hit one by one: their next wait is known. `found`: every
    complaint, and when it was first made (seconds from the start)."""

    bed: Bed
    seed: int
    stable_s: float
    traffic: Traffic = field(init=False)
    done: list[Case] = field(default_factory=list)
    found: dict[str, float] = field(default_factory=dict)
    began_s: float = field(default_factory=time.monotonic)
    api_failures: int = 0
    baseline: Weights | None = None
    _open: list[Case] = field(default_factory=list)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _orphans: invariants.Orphans = field(default_factory=invariants.Orphans)
    _draw: random.Random = field(init=False)
    _schedule: Schedule = field(init=False)
    _shown: Shown = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)
        self.traffic = Traffic(self.bed, self.seed)
        self._schedule = Schedule(self._draw, time.monotonic() + self.warm_s)

    @property
    def warm_s(self) -> float:
        """So long nothing happens but messages: every link becomes stable, every process touches its pages."""
        return self.stable_s + 2 * SETTLE_S

    @property
    def now_s(self) -> float:
        """Seconds from the start."""
        return time.monotonic() - self.began_s

    def run(self, seconds: float) -> None:
        """Messages until every link is stable, then faults for so long, then until everybody is back."""
        self.traffic.start()
        told_s = 0.0
        try:
            while self.now_s < self.warm_s + seconds or self._open:
                if self.now_s > self.warm_s + seconds + WAIT_S:
                    return self.complain(f"{case.fault.what}: never over" for case in self._open)
                next_s = time.monotonic() + LOOK_S
                self._turn(more=self.warm_s < self.now_s < self.warm_s + seconds)
                if self.baseline is None and self.now_s > self.warm_s:
                    self.baseline = weighed(self.bed)
                if self.now_s - told_s >= TELL_S:
                    told_s = self.now_s
                    say(self._told())
                time.sleep(max(0.0, next_s - time.monotonic()))
        finally:
            for case in self._open:
                with suppress(CommandFailed, SimulatorError):
                    case.lift()
            self.traffic.stop()

    def complain(self, complaints: Iterable[str]) -> None:
        for text in complaints:
            if text not in self.found:
                self.found[text] = self.now_s
                say(f"{self.now_s:6.1f} s  VIOLATED  {text}")

    # ── one turn ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _turn(self, more: bool) -> None:
        for case in self._open:
            self._lift_due(case)
        if any(case.fault.deaf and case.lifted is None for case in self._open):
            return
        try:
            shown, counts = self.bed.instances(), self.bed.upstream.stats().instances
            self.complain(self.traffic.follow())
        except CommandFailed as failure:
            self._no_answer(failure)
            return
        self._shown = shown
        self.traffic.collect_some()
        for case in list(self._open):
            self._close_if_back(case, shown, counts)
        self._judge(shown, counts)
        if more:
            self._begin_due(shown, counts)

    def _no_answer(self, failure: CommandFailed) -> None:
        self.api_failures += 1
        if not self._excused():
            self.complain([f"the API: {failure.message}"])

    def _excused(self) -> bool:
        return any(case.excuses(time.time()) for case in self._open)

    def _lift_due(self, case: Case) -> None:
        if case.lifted is None and time.monotonic() >= case.lift_s:
            try:
                case.lift()
            except (CommandFailed, SimulatorError) as failure:
                if self._excused():
                    return  # the next turn tries again
                self.complain([f"{case.fault.what}: could not be ended: {failure}"])
            case.lifted = time.time()

    def _close_if_back(self, case: Case, shown: Shown, counts: Counts) -> None:
        for name in case.waiting:
            seen = counts[name]
            if name in shown and case.is_back(shown[name], seen.dials, seen.sessions_now):
                case.down_s[name] = self._down_s(case, name)
                self._seen[name] = Seen(shown[name]["pid"], seen.dials)
                complaint = case.disturbed(name, self._seen[name])
                self.complain([complaint] if complaint else [])
        if case.lifted is None:
            return
        if over_s := case.stuck_s(time.time()):
            for name in case.waiting:
                self.complain([f"{name}: not back {over_s:.0f} s after its time ({case.fault.what})"])
                case.down_s[name] = time.time() - case.began
        if not case.waiting and time.time() - case.lifted > SETTLE_S:
            self._open.remove(case)
            self.done.append(case)
            for name in case.before:
                self._seen[name] = Seen(shown[name]["pid"], counts[name].dials)

    def _down_s(self, case: Case, name: str) -> float:
        """From the fault's begin to the session that lasts, by the upstream's clock."""
        if not case.fault.breaks:
            return case.lasted_s if case.fault.deaf else 0.0
        sessions = [one.session_at for one in self.traffic.collect(name).sockets if one.session_at]
        return max(0.0, sessions[-1] - case.began) if sessions else time.time() - case.began

    def _judge(self, shown: Shown, counts: Counts) -> None:
        hit = {name for case in self._open for name in case.before}
        now = time.time()
        for name, one in shown.items():
            self.complain(invariants.one_session(name, counts[name]))
            self.complain(invariants.explained(one, age_s(one, now)))
            seen = Seen(one["pid"], counts[name].dials)
            if name not in hit:
                before = self._seen.setdefault(name, seen)
                if before != seen or one["link_state"] != "open":
                    self.complain(
                        [f"{name}: nothing was done to it, but {before} → {seen}, {one['link_state']}"]
                    )
                self._seen[name] = seen
        self.complain(self._orphans.look(descendants(self.bed.launcher.pid), time.monotonic()))

    # ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin_due(self, shown: Shown, counts: Counts) -> None:
        """Single faults all the time, gentle ones beside them; hard ones alone, when everybody is back."""
        now_s = time.monotonic()
        if self._schedule.due(HARD, now_s):
            if not self._open and all(one["link_state"] == "open" for one in shown.values()):
                self._begin(HARD, shown, counts)
                self._schedule.again(HARD, now_s)
        elif any(case.fault in HARD for case in self._open):
            return
        elif self._schedule.due(GENTLE, now_s) and not any(case.fault in GENTLE for case in self._open):
            self._begin(GENTLE, {name: shown[name] for name in self._unhurt(shown)}, counts)
            self._schedule.again(GENTLE, now_s)
        elif self._schedule.due(SINGLE, now_s):
            if calm := self._calm(shown):
                name = self._draw.choice(calm)
                self._begin(SINGLE, {name: shown[name]}, counts)
            self._schedule.again(SINGLE, now_s)

    def _unhurt(self, shown: Shown) -> list[str]:
        """Open links that nothing is happening to."""
        hit = {name for case in self._open for name in case.before}
        return [n for n, one in sorted(shown.items()) if one["link_state"] == "open" and n not in hit]

    def _calm(self, shown: Shown) -> list[str]:
        """Those of them that are stable: how long they wait after the next failure is known."""
        now = time.time()
        return [
            name
            for name in self._unhurt(shown)
            if shown[name]["attempts"] == shown[name]["recent_failures"] == 0
            and age_s(shown[name], now) > self.stable_s + SETTLE_S
        ]

    def _victims(self, fault: Fault, names: Sequence[str]) -> list[str]:
        match fault.scope:
            case Scope.PATH:
                return self._draw.choice(self.bed.paths)
            case Scope.GROUP:
                return self.bed.below(self.bed.group_of(self._draw.choice(names)))
            case Scope.ONE | Scope.ALL:
                return list(names)

    def _begin(self, kinds: Kinds, among: Shown, counts: Counts) -> None:
        fault = self._schedule.drawn(kinds)
        names = self._victims(fault, sorted(among))
        lasts_s = self._draw.uniform(*fault.lasts_s)
        before = {name: Seen(among[name]["pid"], counts[name].dials) for name in names if name in among}
        began = time.time()
        try:
            lift = fault.act(self.bed, names, self._draw)
        except (CommandFailed, SimulatorError, LookupError) as failure:
            if fault.scope is Scope.ONE:
                heal(self.bed, names)
            if not self._excused():
                self.complain([f"{fault.what}: could not be begun: {failure}"])
            return
        self._open.append(Case(fault, lift, began, time.monotonic() + lasts_s, before))

    def _told(self) -> str:
        down = sum(one["link_state"] != "open" for one in self._shown.values())
        return f"{self.now_s:6.0f} s  {len(self.done)} faults over, {down} links down, {len(self.found)} violations"


def age_s(one: dict[str, Any], now: float) -> float:
    """How long an instance has been in its state."""
    return 0.0 if one["since"] is None else now - datetime.fromisoformat(one["since"]).timestamp()
