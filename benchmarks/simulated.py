"""A whole fleet on a simulated clock: the links and the gate of `core`, an upstream that is a function.

The decisions are the product's own; processes, sockets and messages between them are left out, and with them their
milliseconds. Nothing sleeps. Times are seconds of the simulated clock.
"""

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from core import link as links
from core.config import Settings
from core.effects import AskPermit, CloseTransport, Dial, LinkEffect, Publish, Record, ReportDial, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Authenticated,
    Closed,
    Event,
    Granted,
    Held,
    Lost,
    Opened,
    Summoned,
    UpstreamRecovered,
    Wake,
    Want,
)
from core.link_state import Context, Link, LinkState, export, restore
from core.upstream import RENEW_S, GateState, UpstreamGate

# A wall clock that has nothing to do with the monotonic one.
WALL_S = 1_790_000_000.0


class Clock:
    """Simulated time: what is due happens in order."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, at_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (max(at_s, self.now_s), next(self._order), act))

    def run(self, until_s: float) -> None:
        """Let time pass until then."""
        self.run_while(lambda: True, until_s)

    def run_while(self, wanted: Callable[[], bool], until_s: float) -> None:
        """Let time pass until `wanted` fails, at most until then."""
        while self._due and self._due[0][0] <= until_s and wanted():
            self.now_s, _, act = heapq.heappop(self._due)
            act()
        if wanted():
            self.now_s = max(self.now_s, until_s)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a dial meets: `after_s` seconds later it fails so; None: the session is up."""

    after_s: float
    failure: Failure | None = None


class Upstream(Protocol):
    """What answers dials."""

    def dialled(self, name: str, now_s: float) -> Answer: ...


@dataclass(slots=True)
class Member:
    """One instance. `life`: its process's number: what was meant for an earlier one reaches nobody."""

    link: Link = field(default_factory=Link)
    life: int = 1
    alive: bool = True


class Fleet:
    """Instances of one upstream behind one gate.

    `dials`: when each of all dials began. `down`: whose link nobody can use, and since when. `spells`: each such time
    that is over, as (instance, from, to).
    """

    def __init__(
        self, clock: Clock, names: Iterable[str], upstream: Upstream, settings: Settings, seed: int
    ) -> None:
        self.clock = clock
        self.upstream = upstream
        self.settings = settings
        self.members = {name: Member() for name in names}
        self.dials: list[float] = []
        self.down = dict.fromkeys(self.members, clock.now_s)
        self.spells: list[tuple[str, float, float]] = []
        self.gate = UpstreamGate(settings.gate, clock.now_s)
        self._random = random.Random(seed)
        self._release_at_s: float | None = None

    # ── what happens to it ───────────────────────────────────────────────────────────────────────────────────────

    def want(self) -> None:
        for name in self.members:
            self.give(name, Want())

    def harm(self, name: str) -> None:
        """From now on nobody can use this link, whether or not that was noticed."""
        self.down.setdefault(name, self.clock.now_s)

    def lose(self, name: str, failure: Failure) -> None:
        """The connection breaks, and the instance knows it."""
        self.harm(name)
        self.give(name, Lost(self.members[name].link.epoch, failure))

    def kill(self, name: str, back_after_s: float) -> None:
        """The process ends; another one has the instance's state `back_after_s` later."""
        self.harm(name)
        member = self.members[name]
        member.alive = False
        member.life += 1
        stored = export(member.link, self.clock.now_s, WALL_S + self.clock.now_s)
        self.clock.at(self.clock.now_s + back_after_s, lambda: self._replace(name, stored))

    def _replace(self, name: str, stored: dict[str, object]) -> None:
        member = self.members[name]
        member.link = restore(stored, self.clock.now_s, WALL_S + self.clock.now_s)
        member.alive = True
        self.give(name, Want())

    # ── what it does ─────────────────────────────────────────────────────────────────────────────────────────────

    def give(self, name: str, event: Event) -> None:
        """One event to one link, and everything that it wants done."""
        member = self.members[name]
        if not member.alive:
            return
        context = Context(self.clock.now_s, self._random.random(), self.settings)
        was_open = member.link.state is LinkState.OPEN
        member.link, effects = links.step(member.link, event, context)
        if not was_open and member.link.state is LinkState.OPEN:
            self.spells.append((name, self.down.pop(name), self.clock.now_s))
        for effect in effects:
            self._perform(name, member, effect)

    def _perform(self, name: str, member: Member, effect: LinkEffect) -> None:
        match effect:
            case AskPermit():
                self._ask(name, effect.epoch)
            case Dial():
                self._dial(name, effect.epoch)
            case ReportDial():
                self._ended(name, effect.failed)
            case CloseTransport():
                self._later(name, 0.0, Closed(effect.epoch))
            case WakeLink():
                self._later(name, effect.at_s - self.clock.now_s, Wake(effect.name, effect.timer))
            case Record() | Publish():
                pass

    def _later(self, name: str, after_s: float, event: Event) -> None:
        """An event for the process of now: after a kill it reaches nobody."""
        member, life = self.members[name], self.members[name].life

        def give() -> None:
            if member.life == life:
                self.give(name, event)

        self.clock.at(self.clock.now_s + after_s, give)

    def _dial(self, name: str, epoch: int) -> None:
        self.dials.append(self.clock.now_s)
        answer = self.upstream.dialled(name, self.clock.now_s)
        if answer.failure is not None:
            self._later(name, answer.after_s, Lost(epoch, answer.failure))
            return
        self._later(name, answer.after_s / 2, Opened(epoch))
        self._later(name, answer.after_s, Authenticated(epoch))

    # ── its gate ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, name: str, epoch: int) -> None:
        granted = self.gate.ask(name, epoch, self.clock.now_s)
        self._later(name, 0.0, Granted(epoch) if granted else Held(epoch, RENEW_S, self.gate.reason))
        self._release_later()

    def _ended(self, name: str, failed: FailureKind | None) -> None:
        changed = self.gate.outcome(name, failed, self.clock.now_s, self._heard_s())
        if changed and self.gate.state is GateState.RECOVERING:
            for each in self.members:
                self._later(each, 0.0, UpstreamRecovered())
        self._release_later()

    def _heard_s(self) -> float | None:
        """An open link that works hears its pongs."""
        return self.clock.now_s if len(self.down) < len(self.members) else None

    def _release_later(self) -> None:
        delay_s = self.gate.next_release_s(self.clock.now_s)
        if delay_s is None:
            return
        at_s = self.clock.now_s + delay_s
        if self._release_at_s is None or at_s < self._release_at_s:
            self._release_at_s = at_s
            self.clock.at(at_s, lambda: self._release(at_s))

    def _release(self, at_s: float) -> None:
        if at_s != self._release_at_s:
            return
        self._release_at_s = None
        now_s = self.clock.now_s
        for name, epoch in self.gate.release(now_s, self._random.choice):
            self._later(name, 0.0, Granted(epoch))
        if self.gate.lonely(now_s):
            summoned = self.gate.summon(self._stalled(), now_s, self._random.choice)
            if summoned is not None:
                self._later(summoned, 0.0, Summoned())
        self._release_later()

    def _stalled(self) -> list[str]:
        return [
            name
            for name, member in self.members.items()
            if member.link.state is LinkState.WAITING and not member.link.asking
        ]
