"""What the parts of the server share: who there is, the clock, randomness, outputs, and work for later."""

import heapq
import itertools
from collections import deque
from collections.abc import Callable

from simulator.whatsapp.accounts import Account, Accounts, Device, Spot
from simulator.whatsapp.authority import Authority
from simulator.whatsapp.groups import Group
from simulator.whatsapp.journal import Journal
from simulator.whatsapp.link import Link
from simulator.whatsapp.observing import Observed
from simulator.whatsapp.outputs import Output
from simulator.whatsapp.packing import pack_account, pack_device
from simulator.whatsapp.settings import ServerSettings
from whatsapp.jid import Jid
from whatsapp.keys import Rng

Job = Callable[[], None]
MAX_JOBS = 1_000_000


class ServerCore:
    """`wall_s`: epoch seconds now. `settings` may be replaced while the server runs."""

    def __init__(self, settings: ServerSettings, rng: Rng, wall_s: Callable[[], float]) -> None:
        self.settings = settings
        self.rng = rng
        self.wall_s = wall_s
        self.outputs: list[Output] = []
        self.journal = Journal(self.outputs)
        self.authority = Authority.generate(rng)
        self.accounts = Accounts()
        self.groups: dict[Jid, Group] = {}
        self.links: dict[int, Link] = {}
        self.observed = Observed()
        self._jobs: deque[Job] = deque()
        self._timers: list[tuple[float, int, Job]] = []
        self._numbers = itertools.count(1)

    # ── work for later ───────────────────────────────────────────────────────────────────────────────────────────

    def later(self, job: Job) -> None:
        """Do it in this turn, behind what is being done: stanzas keep their order, and nothing calls in circles."""
        self._jobs.append(job)

    def at(self, when_s: float, job: Job) -> None:
        """Do it at that epoch time."""
        heapq.heappush(self._timers, (when_s, next(self._numbers), job))

    @property
    def next_at_s(self) -> float | None:
        return self._timers[0][0] if self._timers else None

    def settle(self) -> None:
        """Everything that is due."""
        for _ in range(MAX_JOBS):
            if self._jobs:
                self._jobs.popleft()()
            elif self._timers and self._timers[0][0] <= self.wall_s():
                heapq.heappop(self._timers)[2]()
            else:
                return
        raise RuntimeError(f"more than {MAX_JOBS} stanzas came of one input")

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def save_account(self, account: Account) -> None:
        self.journal.put("account", account.number, pack_account(account))

    def save_device(self, spot: Spot) -> None:
        self.journal.put("device", spot.key, pack_device(spot.device))

    def save_group(self, group: Group) -> None:
        self.groups[group.jid] = group
        self.journal.put("group", group.id, group.pack())

    # ── small things ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> int:
        """Epoch seconds, as stanzas have them."""
        return int(self.wall_s())

    def next_id(self) -> str:
        """For a stanza of the server's own."""
        return self.rng(8).hex().upper()

    def link_of(self, device: Device) -> Link | None:
        """The connection that a device is logged in on."""
        return None if device.link is None else self.links.get(device.link)

    def online(self, spot: Spot) -> bool:
        return self.link_of(spot.device) is not None
