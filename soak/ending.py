"""After the last fault: everything that was acknowledged or accepted is found again, and nothing has grown."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from soak.bed import Bed
from soak.soaking import Soak
from soak.weighing import Weights, leaks, weighed

QUIET_S = 60.0
LEAK_S = 45.0
# A message that was written shortly before its connection was found dead: the upstream never read it.
UNREAD_S = 2.0


@dataclass(frozen=True, slots=True)
class Account:
    """What came of the messages. `messages_unread`: written to a connection that a fault had already broken.

    `own_availability`: connected of wanted seconds by the server's count, since its start.
    """

    events_acknowledged: int
    events_journalled: int
    events_lost: int
    messages_accepted: int
    messages_arrived: int
    messages_repeated: int
    messages_unread: int
    weights: Weights
    own_availability: float | None


def settle(soak: Soak) -> Account:
    """Wait until nothing moves any more, then check; complaints go to the soak."""
    wait_quiet(soak)
    lost = acknowledged = unread = 0
    for name in soak.bed.ids:
        seen = soak.traffic.collect(name)
        missing = soak.traffic.events.lost(name, seen.acknowledged_ids)
        acknowledged += len(seen.acknowledged_ids)
        lost += len(missing)
        if missing:
            soak.complain(
                [f"{name}: {len(missing)} acknowledged events are not in the journal: {missing[:5]}"]
            )
        unread += messages(soak, name)
    # Connections to processes that are gone are given up after a while.
    eventually(lambda: not list(leaks(soak.baseline or Weights(), weighed(soak.bed))), LEAK_S)
    after = weighed(soak.bed)
    soak.complain(leaks(soak.baseline or Weights(), after))
    soak.complain(f"the simulator: {error}" for error in soak.bed.simulator.errors())
    ledger = soak.traffic.messages
    return Account(
        events_acknowledged=acknowledged,
        events_journalled=sum(one.count for one in soak.traffic.events.received.values()),
        events_lost=lost,
        messages_accepted=sum(len(ids) for ids in ledger.accepted.values()),
        messages_arrived=sum(len(ids) for ids in ledger.arrived.values()),
        messages_repeated=ledger.repeated,
        messages_unread=unread,
        weights=after,
        own_availability=soak.bed.client.call("GET", "/health")["data"]["availability"],
    )


def wait_quiet(soak: Soak) -> None:
    """Until the journal has stopped growing and no accepted message waits any more."""

    def quiet() -> bool:
        before = soak.traffic.events.last
        soak.complain(soak.traffic.follow(1000))
        waiting = sum(queued(soak.bed, name) for name in soak.bed.ids)
        return soak.traffic.events.last == before and not waiting

    if not eventually(quiet, QUIET_S):
        soak.complain([f"messages or events still wait {QUIET_S:g} s after the last fault"])


def queued(bed: Bed, name: str) -> int:
    query = {"state": "accepted", "limit": 1}
    total: int = bed.client.call("GET", f"/api/v1/instances/{name}/messages", query=query)["page"]["total"]
    return total


def messages(soak: Soak, name: str) -> int:
    """Complain about accepted messages that are gone; how many were written to a connection that was dead."""
    soak.complain(soak.traffic.messages.disorder(name))
    unread = 0
    for ident in soak.traffic.messages.missing(name):
        outcome = soak.traffic.outcome(name, ident)
        if outcome["state"] == "sent" and was_down(soak, name, outcome["finished_at"]):
            unread += 1
        else:
            soak.complain([f"{name}: accepted message {ident} never arrived: {outcome}"])
    return unread


def was_down(soak: Soak, name: str, at: str) -> bool:
    """Was a fault about to break this link, or was it broken, when the message was written?"""
    written = datetime.fromisoformat(at).timestamp()
    return any(
        case.fault.breaks and case.began - UNREAD_S <= written <= case.began + case.down_s[name] + UNREAD_S
        for case in soak.done
        if name in case.before
    )


def eventually(true: Callable[[], Any], deadline_s: float) -> bool:
    end_s = time.monotonic() + deadline_s
    while not true():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.5)
    return True
