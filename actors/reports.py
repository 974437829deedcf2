"""Merging reports on their way up: changes leave within 50 ms, unchanged heartbeats within 1 s, each instance once."""

from core.snapshot import InstanceSnapshot

CHANGE_S = 0.05
HEARTBEAT_S = 1.0


class Merger:
    """What waits to be reported. `armed`: the number of the flush that counts; older ones find nothing to do."""

    def __init__(self) -> None:
        self._known: dict[str, InstanceSnapshot] = {}
        self._waiting: dict[str, InstanceSnapshot] = {}
        self._flush_at_s: float | None = None
        self.armed = 0

    def add(self, snapshot: InstanceSnapshot, now_s: float) -> float | None:
        """Take a report in; returns the delay after which to flush, None when a flush is due by then anyway."""
        known = self._known.get(snapshot.instance_id)
        self._known[snapshot.instance_id] = self._waiting[snapshot.instance_id] = snapshot
        delay_s = HEARTBEAT_S if known is not None and visible(known) == visible(snapshot) else CHANGE_S
        if self._flush_at_s is not None and self._flush_at_s <= now_s + delay_s:
            return None
        self._flush_at_s = now_s + delay_s
        self.armed += 1
        return delay_s

    def take(self, armed: int) -> tuple[InstanceSnapshot, ...]:
        """The reports to send now; empty for a flush that was replaced by an earlier one."""
        if armed != self.armed:
            return ()
        changed, self._waiting, self._flush_at_s = tuple(self._waiting.values()), {}, None
        return changed

    def forget(self, instance_id: str) -> None:
        self._known.pop(instance_id, None)
        self._waiting.pop(instance_id, None)


def visible(snapshot: InstanceSnapshot) -> tuple[object, ...]:
    """What makes two reports differ for an operator; ages and counters of time do not."""
    return (
        snapshot.link_state,
        snapshot.breaker_state,
        snapshot.reason,
        snapshot.desired,
        snapshot.revision,
        snapshot.attempts,
        snapshot.recent_failures,
        snapshot.next_retry_at,
        snapshot.pid,
        snapshot.restarts,
        snapshot.queued_messages,
    )
