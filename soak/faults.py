"""The faults of a soak: rows of the matrix (docs/reliability.md) that need neither root nor rules of the machine.

Each says whom it hits, how long it lasts, and within which time they are back: D (to notice) and R (to return, after
it is gone) come from the matrix or, where that names none, from the retry policy at its slowest.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from core.backoff import delay_s
from core.config import Settings
from core.failures import Failure, FailureKind
from soak import acts
from soak.bed import Bed

SETTINGS = Settings()
# Permit, dial and authentication on a busy machine.
DIAL_S = 2.0

Lift = Callable[[], None]
Act = Callable[[Bed, Sequence[str], random.Random], Lift]


class Scope(Enum):
    """Whom a fault hits: one instance, all behind a proxy, all of a group, everybody; or nobody, though it tries."""

    ONE = "one instance"
    PATH = "one path"
    GROUP = "one group"
    ALL = "everybody"


@dataclass(frozen=True, slots=True)
class Fault:
    """`row`: of the matrix, "" for operators' and other ordinary events. `lasts_s`: drawn from this range.

    `breaks`: every link hit is lost; otherwise none may be. `replaces`: every process hit is. `deaf`: nobody can ask
    the server meanwhile. `detect_s`, `recover_s`: D and R. `weight`: how often it is drawn.
    """

    row: str
    what: str
    scope: Scope
    act: Act
    detect_s: float
    recover_s: float
    lasts_s: tuple[float, float] = (0.0, 0.0)
    breaks: bool = True
    replaces: bool = False
    deaf: bool = False
    weight: int = 1

    def budget_s(self, lasted_s: float) -> float:
        """How long a link that it hits may be down."""
        if not self.breaks:
            return lasted_s if self.deaf else 0.0
        return lasted_s + self.detect_s + self.recover_s


def slowest_s(kind: FailureKind, failed: int) -> float:
    """The longest wait after the n-th failure in a row, and the dial after it."""
    return delay_s(failed, Failure(kind, ""), SETTINGS.retry, 0.999999) + DIAL_S


# After a stable connection the first retry comes soon, however it was lost.
BLIP_S = SETTINGS.retry.fast_first_s + DIAL_S
REFUSED_S = slowest_s(FailureKind.NETWORK, 3)
FLAPPED_S = slowest_s(FailureKind.NETWORK, 5)
# A dial that began before the fault was gone has to end first.
STALLED_S = SETTINGS.transport.dial_timeout_s + slowest_s(FailureKind.TIMEOUT, 3)
# A canary notices, and fifty permits later the last one dials.
GATED_S = SETTINGS.gate.probe_max_s + 50 / SETTINGS.gate.connect_rate + DIAL_S
PINGED_S = SETTINGS.transport.ping_interval_s + SETTINGS.transport.ping_timeout_s
# What a retry that is quick enough to meet the fault once more may take.
TWICE_S = slowest_s(FailureKind.PROTOCOL, 2)

ONE, PATH, GROUP, ALL = Scope
SINGLE = (
    Fault("1", "refused", ONE, acts.refuse, 1, REFUSED_S, (2, 15)),
    Fault("5", "reset", ONE, acts.drop("reset"), 1, BLIP_S, weight=2),
    Fault("", "Close frame of the upstream", ONE, acts.drop("close"), 1, BLIP_S),
    Fault("", "FIN without a Close frame", ONE, acts.drop("drop"), 1, BLIP_S),
    Fault("10", "half-close", ONE, acts.fault("half_close"), 1, TWICE_S, (0.3, 0.3)),
    Fault("12", "flapping", ONE, acts.flap, 1, FLAPPED_S, (12, 30)),
    Fault("15", "process killed", ONE, acts.kill, 0.1, 6, replaces=True, weight=3),
    Fault("16", "process stopped", ONE, acts.stop, 15, 30, replaces=True),
    Fault("27", "handshake stalls", ONE, acts.meeting("stall_handshake"), 1, STALLED_S, (3, 12)),
    Fault(
        "28",
        "503 with Retry-After",
        ONE,
        acts.meeting("http", status=503, retry_after_s=5.0),
        1,
        REFUSED_S,
        (2, 10),
    ),
    Fault("28", "404: parked until forced", ONE, acts.park, 1, 3, (7, 12)),
    Fault("32", "malformed frame", ONE, acts.malformed, 1, TWICE_S, (0.3, 0.3), weight=2),
    Fault("33", "huge message", ONE, acts.fault("oversized"), 1, TWICE_S, (0.3, 0.3)),
    Fault("34", "restart, no reply to our Close", ONE, acts.restart_unanswered, 3, 6, (4, 4), replaces=True),
    Fault("", "restart by the operator", ONE, acts.restart, 0.1, 6, replaces=True),
)
# Links break in great number, and it takes a minute until all are stable again; or everything stands still.
HARD = (
    Fault("3", "path dead", PATH, acts.blackhole, PINGED_S, STALLED_S, (5, 45)),
    Fault(
        "14",
        "upstream gone",
        ALL,
        acts.outage,
        1,
        GATED_S + slowest_s(FailureKind.NETWORK, 3),
        (5, 30),
        weight=2,
    ),
    Fault(
        "14", "upstream drops everybody", ALL, acts.drop("reset"), 1, BLIP_S + 50 / SETTINGS.gate.connect_rate
    ),
    Fault("21", "group supervisor killed", GROUP, acts.kill_group, 1, 30, replaces=True, weight=2),
    Fault("22", "root killed", ALL, acts.kill_part("root"), 1, 30, replaces=True),
    Fault("22", "admin killed", ALL, acts.kill_part("admin"), 1, 30, replaces=True),
    Fault("53", "whole tree paused", ALL, acts.pause, 0, 0, (18, 25), breaks=False, deaf=True),
)
# Nobody may notice.
GENTLE = (
    Fault("6", "path slow: 200 ms", PATH, acts.slow, 0, 0, (10, 20), breaks=False),
    Fault("8", "path narrow: 64 kbit/s", PATH, acts.narrow, 0, 0, (10, 20), breaks=False),
    Fault("9", "path in one-byte slices", PATH, acts.sliced, 0, 0, (5, 10), breaks=False),
    Fault("", "web process killed", ALL, acts.kill_part("web"), 0, 0, (10, 10), breaks=False),
    Fault("", "journal killed", ALL, acts.kill_part("journal"), 0, 0, (5, 5), breaks=False),
    Fault("", "registry killed", ALL, acts.kill_part("registry"), 0, 0, (5, 5), breaks=False),
    Fault("26", "processors taken by others", ALL, acts.burn, 0, 0, (10, 20), breaks=False),
)
