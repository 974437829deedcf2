"""The read model's feed: one numbered stream of changes, pushed to whoever subscribed within the last seconds."""

import secrets
import time

from core.failures import FailureKind
from core.instances import upstream_key
from core.messages import Address, FleetDelta, FleetSnapshot, Subscribe
from core.snapshot import HostSnapshot, InstanceSnapshot
from core.upstream import CONVICTING

SUBSCRIPTION_S = 15.0
_CONVICTING = frozenset(kind.value for kind in CONVICTING)


class FleetFeed:
    """All instances as last reported. `changed` and `removed` collect until `delta` takes them."""

    def __init__(self) -> None:
        self.feed = secrets.token_hex(8)
        self.seq = 0
        self.instances: dict[str, InstanceSnapshot] = {}
        self._changed: set[str] = set()
        self._removed: set[str] = set()
        self._subscribers: dict[str, tuple[Address, float]] = {}

    def put(self, snapshot: InstanceSnapshot) -> None:
        self.instances[snapshot.instance_id] = snapshot
        self._changed.add(snapshot.instance_id)
        self._removed.discard(snapshot.instance_id)

    def remove(self, instance_id: str) -> None:
        self.instances.pop(instance_id, None)
        self._changed.discard(instance_id)
        self._removed.add(instance_id)

    @property
    def dirty(self) -> bool:
        return bool(self._changed or self._removed)

    def delta(self, host: HostSnapshot) -> FleetDelta:
        """What changed since the last one; also sent when nothing did, for it says that the root lives."""
        self.seq += 1
        changed = tuple(self.instances[one] for one in self._changed)
        removed = tuple(self._removed)
        self._changed, self._removed = set(), set()
        return FleetDelta(self.feed, self.seq, time.time(), host, changed, removed)

    def subscribe(self, asked: Subscribe, sender: Address, host: HostSnapshot) -> FleetSnapshot | None:
        """Renew a subscription; a new subscriber, or one that lost a push, gets everything."""
        known = str(sender) in self._subscribers
        self._subscribers[str(sender)] = (sender, time.monotonic() + SUBSCRIPTION_S)
        if known and asked.have_seq > 0:
            return None
        return FleetSnapshot(self.feed, self.seq, time.time(), host, tuple(self.instances.values()))

    def subscribers(self) -> list[Address]:
        """Who gets pushes now; those that did not renew are forgotten."""
        now_s = time.monotonic()
        self._subscribers = {key: one for key, one in self._subscribers.items() if one[1] > now_s}
        return [address for address, _ in self._subscribers.values()]

    def heard(self, upstream: str) -> float | None:
        """When an open link of this upstream last received a frame; monotonic seconds."""
        offset_s = time.monotonic() - time.time()
        heard = [
            (one.last_frame_at or one.since) + offset_s
            for one in self.instances.values()
            if one.link_state == "open" and upstream_key(one.config) == upstream
        ]
        return max(heard, default=None)

    def refused(self, upstream: str) -> bool:
        """True when an instance of this upstream is parked because its client version was refused."""
        return any(
            one.failure_kind == FailureKind.OUTDATED.value
            and one.link_state == "parked"
            and upstream_key(one.config) == upstream
            for one in self.instances.values()
        )

    def stalled(self, upstream: str) -> list[str]:
        """Instances of this upstream that wait for their backoff or breaker after failures that convict it."""
        return [
            one.instance_id
            for one in self.instances.values()
            if one.link_state == "waiting"
            and one.failure_kind in _CONVICTING
            and upstream_key(one.config) == upstream
        ]
