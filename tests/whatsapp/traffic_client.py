"""One companion of the simulated traffic: a session over stored rows, whose process dies now and then."""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.effects import Change, Disconnected, Emit, Persist, ProtocolEffect, Reply, Send, WakeAt
from core.failures import FailureKind
from core.protocol import SendContent
from whatsapp.session import Session
from whatsapp.state import MemoryState

if TYPE_CHECKING:
    from tests.whatsapp.traffic import World

GROWING = ("processed", "sent")  # up to their limits, which an hour does not reach


class Died(Exception):
    """A client's process is gone."""


class Client:
    """One companion of the account `number`; `name`: its own in this world. `outbox`: what it still has to send."""

    def __init__(self, world: World, name: str, number: str) -> None:
        self.world = world
        self.name = name
        self.number = number
        self.stored = MemoryState()
        self.kinds: Counter[str] = Counter()
        self.outbox: deque[tuple[str, bytes]] = deque()
        self.refused: list[str] = []
        self.under_way: str | None = None
        self.link: int | None = None
        self.dies_in: int | None = None
        self._lives = 0
        self._begin()

    def _begin(self) -> None:
        self._lives += 1
        self.timers: dict[str, float] = {}
        self.link, self.under_way, self.dies_in = None, None, None
        rng = random.Random(f"{self.world.seed} {self.name} {self._lives}").randbytes
        state = MemoryState.load(self.stored.rows())
        self.session = Session(self.world.session_settings, state, rng, lambda: self.world.clock.now_s)

    def size_bytes(self, growing: bool) -> int:
        """Of what is stored: in the spaces that fill up to a limit, or in all others."""
        return sum(
            len(space) + len(key) + len(value)
            for space, key, value in self.stored.rows()
            if (space in GROWING) is growing
        )

    # ── its life ─────────────────────────────────────────────────────────────────────────────────────────────────

    def connect(self) -> None:
        if self.link is not None:
            return
        link = self.world.network.dial(self)
        if link is None:
            self.connect_later()
            return
        self.link = link
        self.turn(lambda: self.session.on_open(self.world.clock.now_s))

    def connect_later(self) -> None:
        self.world.clock.after(self.world.chance.uniform(0.5, 5.0), self.connect)

    def lost(self, link: int) -> None:
        """The connection is gone, by whatever end."""
        if self.link == link:
            self.link = None
            self.timers.clear()
            self.turn(lambda: self.session.on_closed(1006, "gone"))
            self.under_way = None
            self.connect_later()

    def die(self) -> None:
        """The process is gone; the next one starts a little later."""
        if self.link is not None:
            self.world.network.hang_up(self.link)
        self._begin()
        self.connect_later()

    def turn(self, act: Callable[[], list[ProtocolEffect]]) -> None:
        try:
            self._act(act())
        except Died:
            self.die()
        else:
            if self.session.online:
                self.world.books.joined(self.name, self.number)
            self.pump()

    def wake(self, name: str, at_s: float) -> None:
        if self.timers.get(name) == at_s:
            del self.timers[name]
            self.turn(lambda: self.session.on_timer(name, self.world.clock.now_s))

    # ── what it sends ────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, to: str, text: str) -> None:
        self.outbox.append((f"ref-{text}", json.dumps({"to": to, "text": text}).encode()))
        self.pump()

    def writes_to(self, to: str) -> bool:
        """Whether something for that chat has not been accepted yet."""
        return any(json.loads(data)["to"] == to for _, data in self.outbox)

    def pump(self) -> None:
        """One at a time and in order, as an instance's outbox does."""
        if self.outbox and self.under_way is None and self.session.online:
            ref, data = self.outbox[0]
            self.under_way = ref
            self.turn(lambda: self.session.on_command(SendContent(ref, data), self.world.clock.now_s))

    def _replied(self, reply: Reply) -> None:
        if reply.ref != self.under_way:
            return
        self.under_way = None
        if reply.error is None or not reply.retry:
            self.outbox.popleft()
            self.refused += [] if reply.error is None else [reply.error]
        else:
            self.under_way = "waiting"
            self.world.clock.after(2.0, self._try_again)

    def _try_again(self) -> None:
        if self.under_way == "waiting":
            self.under_way = None
            self.pump()

    # ── what a turn wants ────────────────────────────────────────────────────────────────────────────────────────

    def _act(self, effects: list[ProtocolEffect]) -> None:
        self._commit(
            [change for one in effects if isinstance(one, Persist) for change in one.changes],
            [one for one in effects if isinstance(one, Emit)],
        )
        for effect in effects:
            match effect:
                case Send() if self.link is not None:
                    self.world.network.to_server(self.link, effect.data)
                case WakeAt():
                    self.timers[effect.name] = effect.at_s
                    self.world.clock.at(effect.at_s, lambda e=effect: self.wake(e.name, e.at_s))
                case Reply():
                    self._replied(effect)
                case Disconnected():
                    self._ended(effect)

    def _commit(self, changes: list[Change], events: list[Emit]) -> None:
        if not changes and not events:
            return
        self.stored.apply(changes)
        for event in events:
            self.kinds[event.kind] += 1
            if event.kind == "message.received":
                text = event.data["content"].get("text")
                if text is not None:
                    self.world.books.told(self.name, text)
        for event in events:
            if event.kind == "qr" and event.data["number"] == 1:
                self.world.clock.after(1.0, lambda t=event.data["text"]: self.world.scan(self, t))
        self.world.note(self.name, changes)
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in <= 0:
                raise Died

    def _ended(self, effect: Disconnected) -> None:
        """The session gives its connection up; after a login that was refused it begins anew with a code to scan."""
        self.kinds[f"ended {effect.failure.kind.value}"] += 1
        link, self.link, self.under_way = self.link, None, None
        if link is None:
            return
        self.world.network.hang_up(link)
        self.timers.clear()
        self._act(self.session.on_closed(1000, ""))
        if effect.failure.kind is FailureKind.RESTART:
            self.world.clock.after(0.1, self.connect)
        else:
            self.connect_later()
