"""The sparse schedule: one fault per instance and day, drawn from the fault matrix, on a simulated clock.

What a fault does to a link is written down here (when the instance notices, what its dials meet, for how long); what
the instance does about it is the product's own link and gate.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.simulated import Answer, Clock, Fleet
from core.availability import Span
from core.config import Settings
from core.failures import Failure, FailureKind

DAY_S = 86_400.0
DIAL_S = 0.5
# A process's start on a machine that is busy with others, from its parent's decision to the request for a permit.
START_S = (0.5, 3.0)
AT_ONCE = (0.0, 0.1)
BLIP = (0.0, 30.0)

Range = tuple[float, float]
K = FailureKind


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the matrix.

    `notice_s`: from the fault until the instance knows that its link is gone; during this time nobody can use it.
    `kind`: what it then says. `dials`: what its dials meet while the fault lasts; None: they succeed. `lasts_s`: for
    how long after the fault's begin. `kills`: the process ends instead, when noticed. `times`: how often in a row,
    20 s apart.
    """

    number: int
    what: str
    notice_s: Range = AT_ONCE
    kind: FailureKind = K.NETWORK
    dials: Answer | None = None
    lasts_s: Range = (0.0, 0.0)
    kills: bool = False
    times: int = 1


def fails(after_s: float, kind: FailureKind, retry_after_s: float | None = None) -> Answer:
    return Answer(after_s, Failure(kind, kind.value, retry_after_s=retry_after_s))


# Noticed by keepalive (ping after 20 s, unanswered for 10 s), by TCP_USER_TIMEOUT, or by the watchdog (silent for 15 s,
# then 2 s to write the stack), each at the worst moment or before.
ROWS = (
    Row(1, "refused", dials=fails(0.0, K.NETWORK), lasts_s=BLIP),
    Row(2, "SYN blackhole", dials=fails(20.0, K.TIMEOUT), lasts_s=BLIP),
    Row(3, "idle blackhole", (10.0, 30.0), K.TIMEOUT, fails(20.0, K.TIMEOUT), BLIP),
    Row(4, "blackhole, data unacknowledged", (20.0, 25.0), K.NETWORK, fails(20.0, K.TIMEOUT), BLIP),
    Row(5, "reset"),
    Row(10, "half-close"),
    Row(11, "DNS fails slowly", dials=fails(10.0, K.NETWORK), lasts_s=BLIP),
    Row(12, "flapping", dials=fails(0.0, K.NETWORK), lasts_s=(10.0, 10.0), times=3),
    Row(13, "address change", (10.0, 30.0), K.TIMEOUT),
    Row(15, "process killed", kills=True),
    Row(16, "process stopped", (10.0, 17.0), kills=True),
    Row(17, "process spins", (10.0, 17.0), kills=True),
    Row(19, "process out of memory", (0.0, 5.0), kills=True),
    Row(27, "handshake stalls", dials=fails(20.0, K.TIMEOUT), lasts_s=BLIP),
    Row(28, "503, Retry-After 30 s", dials=fails(0.2, K.THROTTLED, 30.0), lasts_s=BLIP),
    Row(30, "408 repeated", dials=fails(0.2, K.TIMEOUT), lasts_s=BLIP),
    Row(32, "malformed frame", kind=K.PROTOCOL),
    Row(33, "endless message", kind=K.PROTOCOL),
    Row(34, "no reply to our Close", (3.0, 3.1), K.UPSTREAM),
)


class Patchy:
    """An upstream that is well, but for `faults`: by instance, until when and what its dials get."""

    def __init__(self) -> None:
        self.faults: dict[str, tuple[float, Answer]] = {}

    def dialled(self, name: str, now_s: float) -> Answer:
        until_s, answer = self.faults.get(name, (0.0, Answer(DIAL_S)))
        return answer if now_s < until_s else Answer(DIAL_S)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`span`: seconds wanted and usable, of all instances. `down_s`: by row, how long each fault kept a link down.

    `trips`: instances whose breaker was not closed at the end of a day. `fleet`: as it is at the end.
    """

    span: Span
    down_s: dict[Row, list[float]]
    trips: int
    fleet: Fleet


def sparse(instances: int, days: int, settings: Settings, seed: int) -> Outcome:
    """Every instance meets one fault each day, at a random moment of it; the clock begins with all links stable."""
    clock, upstream, draw = Clock(), Patchy(), random.Random(seed)
    fleet = Fleet(clock, [f"s{number:03}" for number in range(instances)], upstream, settings, seed)
    fleet.want()
    clock.run(DAY_S / 24)
    assert not fleet.down
    began_s, fleet.spells = clock.now_s, []
    drawn: list[tuple[str, float, Row]] = []
    for day in range(days):
        for name in fleet.members:
            at_s = began_s + (day + draw.random()) * DAY_S
            drawn.append((name, at_s, draw.choice(ROWS)))
            clock.at(at_s, partial(strike, fleet, upstream, name, drawn[-1][2], draw))
    trips = 0
    for day in range(days):
        clock.run(began_s + (day + 1) * DAY_S)
        trips += sum(one.link.breaker.opened_at_s is not None for one in fleet.members.values())
    clock.run(clock.now_s + DAY_S / 24)
    wanted_s = instances * (clock.now_s - began_s)
    lost_s = sum(to_s - from_s for _, from_s, to_s in fleet.spells)
    return Outcome(Span(wanted_s, wanted_s - lost_s), by_row(drawn, fleet.spells), trips, fleet)


def by_row(
    drawn: list[tuple[str, float, Row]], spells: list[tuple[str, float, float]]
) -> dict[Row, list[float]]:
    """To each fault the seconds without a link from its begin on, up to the instance's next fault."""
    faults: dict[str, list[tuple[float, Row]]] = {}
    for name, at_s, row in drawn:
        faults.setdefault(name, []).append((at_s, row))
    down_s: dict[tuple[str, float, Row], float] = dict.fromkeys(drawn, 0.0)
    for name, from_s, to_s in spells:
        at_s, row = max(one for one in faults[name] if one[0] <= from_s + 1e-6)
        down_s[name, at_s, row] += to_s - from_s
    found: dict[Row, list[float]] = {}
    for (_, _, row), seconds in down_s.items():
        found.setdefault(row, []).append(seconds)
    return found


def strike(fleet: Fleet, upstream: Patchy, name: str, row: Row, draw: random.Random) -> None:
    """The fault begins now."""
    clock = fleet.clock
    for turn in range(row.times):
        at_s = clock.now_s + 20.0 * turn
        lasts_s, notice_s = draw.uniform(*row.lasts_s), draw.uniform(*row.notice_s)
        clock.at(at_s, partial(begin, fleet, upstream, name, row, at_s + lasts_s))
        clock.at(at_s + notice_s, noticed(fleet, name, row, draw.uniform(*START_S)))


def begin(fleet: Fleet, upstream: Patchy, name: str, row: Row, until_s: float) -> None:
    fleet.harm(name)
    if row.dials is not None:
        upstream.faults[name] = (until_s, row.dials)


def noticed(fleet: Fleet, name: str, row: Row, start_s: float) -> Callable[[], None]:
    supervision = fleet.settings.supervision
    if row.kills:
        return lambda: fleet.kill(name, supervision.delay_min_s + start_s)
    return lambda: fleet.lose(name, Failure(row.kind, row.what))
