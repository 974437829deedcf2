"""How much of the time that somebody wanted a link it was open: since the start, in 24 hours, in 30 days.

Availability = connected / wanted seconds. Time during which the gate said that the upstream itself was down is counted
beside it, not taken out. Hours and days are buckets of wall-clock time (UTC); a window takes the buckets it touches.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

HOUR_S = 3600
DAY_S = 86_400
HOURS = 24
DAYS = 30


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds wanted, of these connected, and of these spent waiting for an upstream that was down."""

    wanted_s: float = 0.0
    connected_s: float = 0.0
    outage_s: float = 0.0

    def __add__(self, other: "Span") -> "Span":
        return Span(
            self.wanted_s + other.wanted_s,
            self.connected_s + other.connected_s,
            self.outage_s + other.outage_s,
        )


NOTHING = Span()


@dataclass(frozen=True, slots=True)
class Ledger:
    """`run`: since the server's start at `started_at`; `hours`, `days`: buckets by number since the epoch."""

    started_at: float = 0.0
    run: Span = NOTHING
    hours: Mapping[int, Span] = field(default_factory=dict)
    days: Mapping[int, Span] = field(default_factory=dict)


def add(ledger: Ledger, wall_s: float, span: Span) -> Ledger:
    """The ledger with a short span that ended at `wall_s` (epoch seconds)."""
    return Ledger(
        started_at=ledger.started_at,
        run=ledger.run + span,
        hours=_added(ledger.hours, int(wall_s // HOUR_S), span, HOURS),
        days=_added(ledger.days, int(wall_s // DAY_S), span, DAYS),
    )


def add_between(ledger: Ledger, since_s: float, until_s: float, connected: bool = False) -> Ledger:
    """The ledger with a wanted span of any length, every hour of it in its own bucket (epoch seconds)."""
    booked, at_s = ledger, max(since_s, until_s - DAYS * DAY_S)
    while at_s < until_s:
        end_s = min(until_s, (at_s // HOUR_S + 1) * HOUR_S)
        booked = add(booked, at_s, _wanted(end_s - at_s, connected))
        at_s = end_s
    # What lies before the server's start belongs to its days, not to this run.
    in_run = _wanted(max(0.0, until_s - max(since_s, ledger.started_at)), connected)
    return replace(booked, run=ledger.run + in_run)


def _wanted(wanted_s: float, connected: bool) -> Span:
    return Span(wanted_s, wanted_s if connected else 0.0)


def appended(window: Span, more: Span, length_s: float) -> Span:
    """A window of `length_s` some time later, without its buckets: what it held before leaves it evenly once it is
    full."""
    more_s = min(more.wanted_s, length_s)
    kept = min(1.0, (length_s - more_s) / window.wanted_s) if window.wanted_s > 0 else 0.0
    rest = Span(window.wanted_s * kept, window.connected_s * kept, window.outage_s * kept)
    return rest + Span(more_s, min(more.connected_s, more_s), min(more.outage_s, more_s))


def last_day(ledger: Ledger, wall_s: float) -> Span:
    """The last 24 hours, to the hour."""
    return _sum(ledger.hours, int(wall_s // HOUR_S) - HOURS)


def last_month(ledger: Ledger, wall_s: float) -> Span:
    """The last 30 days, to the day."""
    return _sum(ledger.days, int(wall_s // DAY_S) - DAYS)


def total(spans: Iterable[Span]) -> Span:
    """Many instances together."""
    return sum(spans, NOTHING)


def ratio(span: Span) -> float | None:
    """0..1; None while nothing was wanted."""
    return min(1.0, span.connected_s / span.wanted_s) if span.wanted_s > 0 else None


def export(ledger: Ledger) -> dict[str, Any]:
    """The ledger as plain values, for the store."""
    return {
        "started_at": ledger.started_at,
        "run": _plain(ledger.run),
        "hours": [[number, *_plain(span)] for number, span in ledger.hours.items()],
        "days": [[number, *_plain(span)] for number, span in ledger.days.items()],
    }


def restore(stored: Mapping[str, Any] | None, started_at: float) -> Ledger:
    """The ledger of a new process; `run` goes on only when the server is still the one that started then."""
    if stored is None:
        return Ledger(started_at)
    ledger = Ledger(
        stored["started_at"],
        Span(*stored["run"]),
        {number: Span(*rest) for number, *rest in stored["hours"]},
        {number: Span(*rest) for number, *rest in stored["days"]},
    )
    return ledger if ledger.started_at == started_at else replace(ledger, started_at=started_at, run=NOTHING)


def _added(buckets: Mapping[int, Span], number: int, span: Span, keep: int) -> dict[int, Span]:
    """Buckets with `span` in `number`; what is older than `keep` is dropped, also after the clock jumped."""
    kept = {at: one for at, one in buckets.items() if number - keep <= at <= number + keep}
    kept[number] = kept.get(number, NOTHING) + span
    return kept


def _sum(buckets: Mapping[int, Span], after: int) -> Span:
    total = NOTHING
    for number, span in buckets.items():
        if number > after:
            total += span
    return total


def _plain(span: Span) -> list[float]:
    return [span.wanted_s, span.connected_s, span.outage_s]
