"""The gates of a host: one per upstream and egress, asked by instances through their groups."""

import random
import time
from collections.abc import Callable
from typing import Any

from core.config import GateSettings
from core.instances import upstream_key
from core.messages import DialEnded, PermitGranted, PermitHeld, PermitRequest, SummonCanary, UpstreamClosed
from core.records import InstanceRecord
from core.upstream import RENEW_S, WINDOW_S, GateState, UpstreamGate

PERMIT_VALID_S = 25.0
# What is known of an upstream protects it when its last instance is deleted and soon made anew.
KEEP_UNUSED_S = WINDOW_S
MAX_UNUSED = 64

Heard = Callable[[str], float | None]
Stalled = Callable[[str], list[str]]
Refused = Callable[[str], bool]


class Gatekeeper:
    """`heard`: when any open link of an upstream last received a frame (monotonic), None when none is open.

    `stalled`: its instances that backoff or breaker keep from asking. `refused`: some are parked because it refuses
    this client version. A gate exists while an instance uses its upstream, and a short while longer.
    """

    def __init__(self, settings: GateSettings, heard: Heard, stalled: Stalled, refused: Refused) -> None:
        self._settings = settings
        self._heard = heard
        self._stalled = stalled
        self._refused = refused
        self._gates: dict[str, UpstreamGate] = {}
        self._users: dict[str, str] = {}
        self._unused: dict[str, float] = {}

    def uses(self, record: InstanceRecord) -> None:
        """An instance and where it leads from now on."""
        instance_id, upstream = record.instance_id, upstream_key(record.config)
        before = self._users.get(instance_id, upstream)
        if before != upstream and before in self._gates:
            self._gates[before].forget(instance_id)
        self._users[instance_id] = upstream

    def request(self, asked: PermitRequest, now_s: float) -> PermitGranted | PermitHeld | UpstreamClosed:
        """The answer to one request, at once."""
        gate = self._gate(asked.upstream, now_s)
        if gate.state is GateState.CLOSED:
            return UpstreamClosed(asked.upstream, asked.instance_id)
        if gate.ask(asked.instance_id, asked.epoch, now_s):
            return PermitGranted(asked.instance_id, asked.epoch, now_s + PERMIT_VALID_S)
        return PermitHeld(asked.instance_id, asked.epoch, RENEW_S, gate.reason)

    def release(self, now_s: float) -> list[PermitGranted]:
        """Grants for those who wait and may dial now."""
        return [
            PermitGranted(name, epoch, now_s + PERMIT_VALID_S)
            for gate in self._gates.values()
            for name, epoch in gate.release(now_s, random.choice)
        ]

    def summons(self, now_s: float) -> list[SummonCanary]:
        """One for each upstream that is down with nobody waiting to try it."""
        lonely = [(key, gate) for key, gate in self._needed() if gate.lonely(now_s)]
        chosen = [gate.summon(self._stalled(key), now_s, random.choice) for key, gate in lonely]
        return [SummonCanary(one) for one in chosen if one is not None]

    def next_release_s(self, now_s: float) -> float | None:
        """Seconds until `release` or `summons` may have something to do; None: when asked again."""
        waits = [wait_s for _, gate in self._needed() if (wait_s := gate.next_release_s(now_s)) is not None]
        return min(waits, default=None)

    def ended(self, told: DialEnded, now_s: float) -> GateState | None:
        """How a dial went; the gate's new state when that changed it."""
        gate = self._gate(told.upstream, now_s)
        changed = gate.outcome(told.instance_id, told.failed, now_s, self._heard(told.upstream))
        return gate.state if changed else None

    def accepted(self, told: DialEnded) -> bool:
        """True when somebody was let in where others are parked because this client version was refused."""
        if told.failed is not None or not self._refused(told.upstream):
            return False
        return self.states().get(told.upstream) is not GateState.CLOSED

    def reopen(self, upstream: str, now_s: float) -> None:
        """An instance's configuration changed: what was refused may be let in."""
        self._gate(upstream, now_s).reopen(now_s)

    def states(self) -> dict[str, GateState]:
        """Every upstream's state now."""
        return {upstream: gate.state for upstream, gate in self._gates.items()}

    def forget(self, instance_id: str) -> None:
        """The instance is gone."""
        self._users.pop(instance_id, None)
        for gate in self._gates.values():
            gate.forget(instance_id)

    def tidy(self, now_s: float) -> None:
        """Drop the gates that nobody has used for a while, or too many at once."""
        used = set(self._users.values())
        unused = {key: self._unused.get(key, now_s) for key in self._gates if key not in used}
        youngest = sorted(unused.items(), key=lambda one: one[1], reverse=True)[:MAX_UNUSED]
        self._unused = {key: since_s for key, since_s in youngest if now_s - since_s < KEEP_UNUSED_S}
        self._gates = {key: gate for key, gate in self._gates.items() if key in used or key in self._unused}

    def reconfigure(self, settings: GateSettings, now_s: float) -> None:
        self._settings = settings
        for gate in self._gates.values():
            gate.reconfigure(settings, now_s)

    def shown(self, now_s: float) -> tuple[dict[str, Any], ...]:
        """The gates in use for /health: upstream, state, since when (epoch seconds), how many wait."""
        offset_s, used = time.time() - now_s, set(self._users.values())
        return tuple(
            {
                "upstream": key,
                "state": gate.state.value,
                "since": gate.since_s + offset_s,
                "waiting": gate.waiting,
                "probe_interval_s": gate.probe_interval_s if gate.state is GateState.DOWN else None,
            }
            for key, gate in sorted(self._gates.items())
            if key in used
        )

    def _needed(self) -> list[tuple[str, UpstreamGate]]:
        """Without the gates that nobody is left to be let through, or to be a canary for."""
        used = set(self._users.values())
        return [(key, gate) for key, gate in self._gates.items() if key in used or gate.waiting]

    def _gate(self, upstream: str, now_s: float) -> UpstreamGate:
        if upstream not in self._gates:
            gate = self._gates[upstream] = UpstreamGate(self._settings, now_s)
            if self._refused(upstream):  # before this root's life, says who was parked for it
                gate.close(now_s)
        return self._gates[upstream]
