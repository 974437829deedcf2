"""What went wrong with a link, as a value.

A `FailureKind` carries the whole policy of its failures: whether they are retried, how long at least to wait,
whether they count for the circuit breaker, and which status code operators are shown. "Permanent" is a property
of the kind, so no caller decides it again.
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class KindPolicy:
    """How failures of one kind are treated.

    `retried`: the link tries again by itself. `counts`: the failure counts for the breaker.
    `status`: the code shown to operators. `next_step`: what the operator can do about a parked link.
    """

    retried: bool
    counts: bool
    status: int
    next_step: str | None = None


class FailureKind(Enum):
    """The kinds of failure; the value is the stable name used in the API, stores and logs."""

    NETWORK = "network"
    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    PROTOCOL = "protocol"
    UPSTREAM = "upstream"
    RESTART = "restart"
    REPLACED = "replaced"
    LOGGED_OUT = "logged_out"
    BANNED = "banned"
    TEMP_BANNED = "temp_banned"
    OUTDATED = "outdated"
    CONFIG = "config"
    BUG = "bug"

    @property
    def policy(self) -> KindPolicy:
        return POLICIES[self]

    @property
    def permanent(self) -> bool:
        """True when the link parks instead of retrying."""
        return not POLICIES[self].retried


POLICIES: dict[FailureKind, KindPolicy] = {
    FailureKind.NETWORK: KindPolicy(True, True, 428),
    FailureKind.TIMEOUT: KindPolicy(True, True, 408),
    FailureKind.THROTTLED: KindPolicy(True, True, 429),
    FailureKind.PROTOCOL: KindPolicy(True, True, 500),
    FailureKind.UPSTREAM: KindPolicy(True, True, 428),
    FailureKind.RESTART: KindPolicy(True, False, 515),
    FailureKind.REPLACED: KindPolicy(
        False, False, 440, "Another client took the session: close it there, then force-retry."
    ),
    FailureKind.LOGGED_OUT: KindPolicy(
        False,
        False,
        401,
        "The session was unlinked: link it again.",
    ),
    FailureKind.BANNED: KindPolicy(False, False, 403, "The account is banned: settle it with the upstream."),
    FailureKind.TEMP_BANNED: KindPolicy(False, False, 402, "Wait until the ban ends, then force-retry."),
    FailureKind.OUTDATED: KindPolicy(
        False, False, 405, "The upstream refuses this client version: update Sambung."
    ),
    FailureKind.CONFIG: KindPolicy(
        False, False, 400, "Correct the instance's configuration, then force-retry."
    ),
    FailureKind.BUG: KindPolicy(True, False, 500),
}


AGAIN = "Correct it at the upstream, then disconnect and connect; or correct the instance's configuration."


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of a link.

    `text`: for people, without secrets. `status`: the code shown, the kind's own when None is given.
    `retry_after_s`: seconds that the upstream asked for; for a temporary ban, those until its end.
    `again`: no credentials were lost with it, so that a disconnect frees a link that it parked.
    """

    kind: FailureKind
    text: str
    status: int | None = None
    retry_after_s: float | None = None
    again: bool = False

    @property
    def next_step(self) -> str | None:
        """What the operator can do about a link that this failure parked."""
        return AGAIN if self.again else self.kind.policy.next_step

    @property
    def shown_status(self) -> int:
        return self.kind.policy.status if self.status is None else self.status

    @property
    def permanent(self) -> bool:
        return self.kind.permanent
