"""A link on a simulated clock, with an upstream and a gate that are scripts. Nothing sleeps."""

import heapq
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from core import link as links
from core.breaker import BreakerState
from core.config import BreakerSettings, RetrySettings, Settings
from core.effects import AskPermit, CloseTransport, Dial, LinkEffect, Publish, Record, WakeLink
from core.failures import Failure, FailureKind
from core.link_events import (
    Authenticated,
    Closed,
    Event,
    Granted,
    Lost,
    Opened,
    Wake,
)
from core.link_state import Context, Link, LinkState

REFUSED = Failure(FailureKind.NETWORK, "connection refused")
TIMED_OUT = Failure(FailureKind.TIMEOUT, "the server did not answer in time")

# Seconds after the dial, and what happens then.
Script = list[tuple[float, Callable[[int], Event]]]


def refuses(dial: int) -> Script:
    return [(0.0, lambda epoch: Lost(epoch, REFUSED))]


def times_out(dial: int) -> Script:
    return [(20.0, lambda epoch: Lost(epoch, TIMED_OUT))]


def hangs(dial: int) -> Script:
    return []


def accepts(dial: int) -> Script:
    return [(0.1, Opened), (0.2, Authenticated)]


def old_numbers(**retry: float) -> Settings:
    """The defaults, without jitter and without the fast first retry."""
    return Settings(retry=replace(RetrySettings(jitter=0.0, fast_first_s=0.0), **retry))


def with_breaker(settings: Settings, **breaker: float) -> Settings:
    return replace(settings, breaker=replace(BreakerSettings(), **breaker))


class Driver:
    """`upstream`: what happens after the n-th dial (from 1). `grants`: the gate says yes at once."""

    def __init__(
        self,
        upstream: Callable[[int], Script] = accepts,
        settings: Settings | None = None,
        *,
        link: Link | None = None,
        now_s: float = 0.0,
        u: float = 0.0,
        grants: bool = True,
    ) -> None:
        self.upstream = upstream
        self.settings = old_numbers() if settings is None else settings
        self.link = Link() if link is None else link
        self.now_s = now_s
        self.u = u
        self.grants = grants
        self.closes = True
        self.effects: list[tuple[float, LinkEffect]] = []
        self._due: list[tuple[float, int, Event]] = []
        self._order = count()

    # ── driving ──────────────────────────────────────────────────────────────────────────────────────────────────

    def do(self, event: Event) -> list[LinkEffect]:
        """One event now, and what the link wanted done; the world's answers come with `run`."""
        context = Context(self.now_s, self.u, self.settings)
        self.link, effects = links.step(self.link, event, context)
        for effect in effects:
            self.effects.append((self.now_s, effect))
            self._answer(effect)
        return effects

    def run(self, for_s: float = 0.0) -> "Driver":
        """Let time pass; what is due happens in order."""
        until_s = self.now_s + for_s
        while self._due and self._due[0][0] <= until_s:
            at_s, _, event = heapq.heappop(self._due)
            self.now_s = max(self.now_s, at_s)
            self.do(event)
        self.now_s = until_s
        return self

    def at(self, at_s: float, event: Event) -> None:
        """Let this happen at `at_s`."""
        heapq.heappush(self._due, (at_s, next(self._order), event))

    def _answer(self, effect: LinkEffect) -> None:
        match effect:
            case AskPermit() if self.grants:
                self.at(self.now_s, Granted(effect.epoch))
            case Dial():
                for after_s, make in self.upstream(self.dials):
                    event = Authenticated() if make is Authenticated else make(effect.epoch)
                    self.at(self.now_s + after_s, event)
            case CloseTransport() if self.closes:
                self.at(self.now_s, Closed(effect.epoch))
            case WakeLink():
                self.at(effect.at_s, Wake(effect.name, effect.timer))
            case AskPermit() | CloseTransport() | Record() | Publish():
                pass

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def dials(self) -> int:
        return len(self.dial_times)

    @property
    def dial_times(self) -> list[float]:
        return [at_s for at_s, effect in self.effects if isinstance(effect, Dial)]

    @property
    def state(self) -> LinkState:
        return self.link.state

    @property
    def breaker(self) -> BreakerState:
        return self.link.breaker.state

    def records(self, event: str) -> list[tuple[float, Record]]:
        return [
            (at_s, effect)
            for at_s, effect in self.effects
            if isinstance(effect, Record) and effect.event == event
        ]

    def delays(self) -> list[float]:
        """The chosen delays, in order."""
        return [record.fields["delay_s"] for _, record in self.records("retry.scheduled")]

    def events(self) -> list[str]:
        """The names of the records, in order."""
        return [effect.event for _, effect in self.effects if isinstance(effect, Record)]
