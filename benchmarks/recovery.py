"""How long a fleet takes to come back after an outage, and how many dials that costs; simulated, as is the old server.

The upstream is gone for 90 s; then it admits `gate.connect_rate` dials a second and refuses what is more. Ours: the
product's links and gate (`benchmarks.simulated`). The old server: its delays and its breaker (`benchmarks.old_server`),
on the same clock, before the same upstream. The ideal is N / connect_rate: nobody can be faster.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.old_server import OldServer
from benchmarks.report import Row, Rule, Target, result
from benchmarks.simulated import Answer, Clock, Fleet
from core.config import Settings
from core.failures import Failure, FailureKind
from core.gate import TokenBucket, take

OUTAGE_S = 90.0
REST_S = 120.0  # before the outage: every link is stable
RATE = Settings().gate.connect_rate
LONGEST_S = 6 * 3600.0
GRACE_S = 10.0  # until the next canary notices
DIAL_S = 0.2
LOST = Failure(FailureKind.UPSTREAM, "the upstream went away")
REFUSED = Failure(FailureKind.NETWORK, "connection refused")


class Limited:
    """Up but in the outage; admits `rate` dials a second, and a burst of one second's worth."""

    def __init__(self, rate: float) -> None:
        self.up = True
        self._bucket = TokenBucket.full(rate, rate, 0.0)

    def dialled(self, name: str, now_s: float) -> Answer:
        if not self.up:
            return Answer(0.0, REFUSED)
        self._bucket, wait_s = take(self._bucket, now_s)
        return Answer(0.0, REFUSED) if wait_s else Answer(DIAL_S)


@dataclass(frozen=True, slots=True)
class Returned:
    """`recovery_s`: from the end of the outage until the last link was open. `outage_dials`, `dials`: during the
    outage and after it; `peak_outage`, `peak`: the most within any one second."""

    recovery_s: float
    outage_dials: int
    dials: int
    peak_outage: int
    peak: int


def run(seed: int = 1, counts: Sequence[int] = (200, 1000), turns: int = 5) -> dict[str, Any]:
    """Ours against the ideal, the old server beside it."""
    rows: list[Row] = []
    details: dict[str, Any] = {"outage_s": OUTAGE_S, "seed": seed, "turns": turns}
    for count in counts:
        # Where between two canaries the outage ends is luck: the worst of some moments counts, for both.
        worst = max(
            (recovered(count, seed + turn, OUTAGE_S + 2 * turn) for turn in range(turns)), key=slowness
        )
        old = max((recovered_old(count, OUTAGE_S + 2 * turn) for turn in range(turns)), key=slowness)
        rows += shown(count, worst, old)
        details[f"{count}_at_a_generous_upstream"] = generous(count, seed)
    return result(rows, **details)


def slowness(one: "Returned") -> float:
    return one.recovery_s


def generous(count: int, seed: int) -> dict[str, Any]:
    """The same where the upstream admits whoever comes: the old server's links return fast, all at one moment."""
    rate = float(count)
    ours, old = recovered(count, seed, OUTAGE_S, rate), recovered_old(count, OUTAGE_S, rate)
    return {"ours": asdict(ours), "old": asdict(old)}


def shown(count: int, ours: Returned, old: Returned) -> list[Row]:
    """The target is 1.2 times the ideal and 10 s, written as a ratio to the ideal."""
    ideal_s = count / RATE
    most = Target(Rule.AT_MOST, round(1.2 + GRACE_S / ideal_s, 2))
    what = f"{count} back after an outage"
    return [
        Row(f"{what} (simulated), against the ideal", ours.recovery_s, "s", ideal_s, most),
        Row(f"{what}, against the old server", ours.recovery_s, "s", old.recovery_s),
        Row(f"{what}: dials until then, against the old server", ours.dials, "dials", old.dials),
        Row(
            f"{what}: dials while it lasts, against the old server",
            ours.outage_dials,
            "dials",
            old.outage_dials,
        ),
        Row(f"{what}: most dials in a second, against the old server", ours.peak, "/s", old.peak),
    ]


def recovered(count: int, seed: int, outage_s: float = OUTAGE_S, admits: float = RATE) -> Returned:
    """The product's policy with its default settings; `admits`: the upstream, dials per second."""
    clock, settings = Clock(), Settings()
    upstream = Limited(admits)
    fleet = Fleet(clock, names(count), upstream, settings, seed)
    fleet.want()
    clock.run(count / settings.gate.connect_rate + REST_S)
    assert not fleet.down
    upstream.up = False
    for name in fleet.members:
        fleet.lose(name, LOST)
    return ended(clock, upstream, outage_s, lambda: bool(fleet.down), fleet.dials)


def recovered_old(count: int, outage_s: float = OUTAGE_S, admits: float = RATE) -> Returned:
    """The old server's policy; all of its links are lost at the same moment."""
    clock, upstream = Clock(), Limited(admits)
    server = OldServer(clock, names(count), upstream)
    clock.run(REST_S)
    upstream.up = False
    server.lose_all()
    return ended(clock, upstream, outage_s, lambda: bool(server.down), server.dials)


def ended(
    clock: Clock, upstream: Limited, outage_s: float, some_down: Callable[[], bool], dials: list[float]
) -> Returned:
    """The outage that has just begun, its end, and the return of all."""
    began_s = clock.now_s
    clock.run(began_s + outage_s)
    over_s = clock.now_s
    upstream.up = True
    clock.run_while(some_down, over_s + LONGEST_S)
    if some_down():
        raise RuntimeError(f"not all are back after {LONGEST_S:g} s")
    after = [at_s for at_s in dials if at_s >= over_s]
    outage = [at_s for at_s in dials if began_s <= at_s < over_s]
    return Returned(clock.now_s - over_s, len(outage), len(after), peak(outage), peak(after))


def peak(times_s: Sequence[float]) -> int:
    """The most within any one second; ascending times."""
    most = first = 0
    for last, at_s in enumerate(times_s):
        while times_s[first] <= at_s - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def names(count: int) -> list[str]:
    return [f"n{number:04}" for number in range(count)]
