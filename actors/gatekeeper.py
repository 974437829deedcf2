"""Permits for dials, shared fairly: one token bucket per upstream, waiting instances served in random order.

Every request is answered at once, granted or held; what is held is granted later as tokens come, and forgotten when
its holder does not renew. Times are monotonic seconds.
"""

import random
from dataclasses import dataclass, field

from core.config import GateSettings
from core.gate import TokenBucket, take
from core.messages import PermitGranted, PermitHeld, PermitRequest

PERMIT_VALID_S = 25.0
RENEW_S = 10.0
FORGET_S = 2.5 * RENEW_S

Answer = PermitGranted | PermitHeld


@dataclass(slots=True)
class _Upstream:
    bucket: TokenBucket
    waiting: dict[str, tuple[int, float]] = field(default_factory=dict)


class Gatekeeper:
    """`burst` equals one second's rate, so a quiet upstream takes a handful of dials at once."""

    def __init__(self, settings: GateSettings) -> None:
        self.settings = settings
        self._upstreams: dict[str, _Upstream] = {}

    def request(self, asked: PermitRequest, now_s: float) -> Answer:
        """The answer to one request."""
        upstream = self._upstream(asked.upstream, now_s)
        if (not upstream.waiting or asked.instance_id in upstream.waiting) and self._taken(upstream, now_s):
            upstream.waiting.pop(asked.instance_id, None)
            return PermitGranted(asked.instance_id, asked.epoch, PERMIT_VALID_S)
        upstream.waiting[asked.instance_id] = (asked.epoch, now_s)
        return PermitHeld(asked.instance_id, asked.epoch, RENEW_S)

    def release(self, now_s: float) -> list[PermitGranted]:
        """Grants for those who wait, as far as the tokens reach."""
        granted: list[PermitGranted] = []
        for upstream in self._upstreams.values():
            fresh = {i: w for i, w in upstream.waiting.items() if now_s - w[1] < FORGET_S}
            upstream.waiting = fresh
            while fresh and self._taken(upstream, now_s):
                instance_id = random.choice(tuple(fresh))
                epoch, _ = fresh.pop(instance_id)
                granted.append(PermitGranted(instance_id, epoch, PERMIT_VALID_S))
        return granted

    def next_release_s(self, now_s: float) -> float | None:
        """Seconds until `release` has something to do; None while nobody waits."""
        if not any(upstream.waiting for upstream in self._upstreams.values()):
            return None
        return 1.0 / self.settings.connect_rate

    def _taken(self, upstream: _Upstream, now_s: float) -> bool:
        upstream.bucket, wait_s = take(upstream.bucket, now_s)
        return wait_s == 0

    def _upstream(self, key: str, now_s: float) -> _Upstream:
        rate = self.settings.connect_rate
        found = self._upstreams.get(key)
        if found is None or found.bucket.rate != rate:
            waiting = {} if found is None else found.waiting
            found = self._upstreams[key] = _Upstream(TokenBucket.full(rate, max(1.0, rate), now_s), waiting)
        return found
