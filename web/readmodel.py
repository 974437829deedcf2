"""What the web process knows of the fleet, fed by pushes from the root.

`FleetView` is the pure core: it applies a message and says whether one was lost. `ReadModel` shares the newest view
between threads and wakes those who wait for a change.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from core.health import FleetCounts, count
from core.messages import FleetDelta, FleetSnapshot
from core.snapshot import Fleet, InstanceSnapshot


@dataclass(frozen=True, slots=True)
class FleetView:
    """The newest known state. `feed`: which life of the root sent it; `seq`: the last push applied, 0 = none.

    `complete` False: a push was lost or the feed changed, so a full snapshot has to be asked for.
    """

    fleet: Fleet | None = None
    feed: str = ""
    seq: int = 0
    complete: bool = False

    def apply(self, message: FleetSnapshot | FleetDelta) -> "FleetView":
        """The view after this push. Repeated and overtaken pushes change nothing; a gap keeps the old state."""
        if isinstance(message, FleetSnapshot):
            return self._replaced(message)
        if self.fleet is None or message.feed != self.feed or message.seq > self.seq + 1:
            return replace(self, complete=False)
        if message.seq <= self.seq:
            return self
        return self._changed(message, self.fleet)

    @property
    def have_seq(self) -> int:
        """What to put into Subscribe: 0 asks for everything."""
        return self.seq if self.complete else 0

    def _replaced(self, message: FleetSnapshot) -> "FleetView":
        overtaken = self.fleet is not None and message.feed == self.feed and message.at < self.fleet.at
        if overtaken:
            return self
        instances = {one.instance_id: one for one in message.instances}
        fleet = Fleet(message.at, message.host, instances)
        return FleetView(fleet, message.feed, message.seq, complete=True)

    def _changed(self, message: FleetDelta, fleet: Fleet) -> "FleetView":
        instances = dict(fleet.instances)
        for instance_id in message.removed:
            instances.pop(instance_id, None)
        for one in message.changed:
            instances[one.instance_id] = one
        return replace(self, fleet=Fleet(message.at, message.host, instances), seq=message.seq)


class ReadModel:
    """The newest view for any thread; reads never block on the actors.

    `clock`: monotonic seconds, injected for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._view = FleetView()
        self._received_s: float | None = None
        self._journal = 0
        self._counted: tuple[Fleet | None, FleetCounts] = (None, FleetCounts())
        self._root_ready: bool | None = None
        self._broken: Mapping[str, str] = {}
        self._closed = False

    @property
    def fleet(self) -> Fleet | None:
        """The last known fleet, None before the first snapshot."""
        return self._view.fleet

    @property
    def view(self) -> FleetView:
        return self._view

    @property
    def journal_number(self) -> int:
        """The last journal number that was announced."""
        return self._journal

    @property
    def root_ready(self) -> bool | None:
        """Whether the root says that its stores work; None when it never answered."""
        return self._root_ready

    @property
    def broken(self) -> Mapping[str, str]:
        """Why a store of the root cannot be used, by its part (`registry`, `journal`), in the store's words."""
        return self._broken

    @property
    def closed(self) -> bool:
        """True while the server stops: streams end."""
        return self._closed

    def age_s(self) -> float | None:
        """Seconds since the last push, None before the first."""
        received_s = self._received_s
        return None if received_s is None else max(0.0, self._clock() - received_s)

    def instance(self, instance_id: str) -> InstanceSnapshot | None:
        fleet = self.fleet
        return None if fleet is None else fleet.instances.get(instance_id)

    def counted(self) -> tuple[Fleet | None, FleetCounts]:
        """The last known fleet and its numbers, which are counted once per push."""
        fleet, counts = self._counted
        if fleet is not self._view.fleet:
            fleet = self._view.fleet
            counts = FleetCounts() if fleet is None else count(fleet.instances.values())
            self._counted = (fleet, counts)
        return fleet, counts

    def apply(self, message: FleetSnapshot | FleetDelta) -> bool:
        """Take in a push; False when a full snapshot has to be asked for."""
        with self._changed:
            self._view = self._view.apply(message)
            if self._view.complete:
                self._received_s = self._clock()
            self._changed.notify_all()
            return self._view.complete

    def journal_advanced(self, number: int) -> None:
        with self._changed:
            self._journal = max(self._journal, number)
            self._changed.notify_all()

    def root_answered(self, ready: bool, broken: Mapping[str, str] | None = None) -> None:
        with self._changed:
            self._root_ready, self._broken = ready, broken or {}
            self._changed.notify_all()

    def root_lost(self) -> None:
        """The actors are gone: the state stays, but it is no longer called ready."""
        self.root_answered(False)

    def close(self) -> None:
        """Wake everybody who waits; they see `closed`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_for(self, condition: Callable[["ReadModel"], bool], timeout_s: float) -> bool:
        """Wait until the condition holds (True), the time is over or the server stops (False)."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or condition(self), timeout_s)
            return condition(self)
