"""Pushes numbered events to instances at a rate, evenly spread over time and instances."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from simulator.account import Account
from simulator.checking import json_object, list_of, number, optional, text, whole
from simulator.connection import Connection
from simulator.views import PushView

# Sleeping for less costs more than it gives: events may be early by this much.
SHORTEST_SLEEP_S = 0.005
# How many events may be sent in one turn of the loop when the schedule is behind.
EVENTS_PER_TURN = 64


@dataclass(frozen=True, slots=True)
class PushSpec:
    """`rate_per_s` events to each of `instances` (None: all that have a session at that moment), `count` times or
    for `duration_s`, whichever ends first; without both once. `type`, `data`, `pad_bytes` shape the event.
    """

    instances: Annotated[tuple[str, ...] | None, optional(list_of(text(200)))] = None
    rate_per_s: Annotated[float, number(0.001, 100_000)] = 1.0
    count: Annotated[int | None, optional(whole(1, 10**9))] = None
    duration_s: Annotated[float | None, optional(number(0, 86_400))] = None
    type: Annotated[str, text(100)] = "event"
    data: Annotated[Mapping[str, Any], json_object] = field(default_factory=dict)
    pad_bytes: Annotated[int, whole(0, 2**20)] = 0

    @property
    def rounds(self) -> int:
        """How many events each instance is to get."""
        if self.duration_s is None:
            return self.count or 1
        lasting = max(1, int(self.duration_s * self.rate_per_s))
        return lasting if self.count is None else min(lasting, self.count)


class Sessions(Protocol):
    """What a push needs of its listener."""

    def with_session(self) -> Sequence[str]: ...
    def session_of(self, instance: str) -> Connection | None: ...
    def skipped(self, instance: str) -> None: ...


class Push:
    """Runs as a task from `start` until it is through or stopped."""

    def __init__(self, number: int, spec: PushSpec, sessions: Sessions) -> None:
        self.number = number
        self._spec = spec
        self._sessions = sessions
        self._sent = 0
        self._skipped = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def view(self) -> PushView:
        done = self._task is not None and self._task.done()
        return PushView(self.number, self._sent, self._skipped, done)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        begun_s, period_s = loop.time(), 1 / self._spec.rate_per_s
        in_turn = 0
        for turn in range(self._spec.rounds):
            names = self._sessions.with_session() if self._spec.instances is None else self._spec.instances
            for place, name in enumerate(names):
                due_s = begun_s + (turn + place / len(names)) * period_s
                in_turn = await _wait(due_s - loop.time(), in_turn)
                self._send(name)
            if turn + 1 < self._spec.rounds:
                await asyncio.sleep(
                    max(0.0, begun_s + (turn + 1) * period_s - loop.time() - SHORTEST_SLEEP_S)
                )

    def _send(self, name: str) -> None:
        connection = self._sessions.session_of(name)
        account = None if connection is None else connection.account
        if connection is None or account is None or not connection.can_push:
            self._skipped += 1
            self._sessions.skipped(name)
            return
        if connection.send(self._event(account), text=True):
            account.sent += 1
            self._sent += 1

    def _event(self, account: Account) -> bytes:
        event = {
            "id": account.sent + 1,
            "instance": account.instance,
            "type": self._spec.type,
            "sent_at": time.time(),
            **self._spec.data,
        }
        if self._spec.pad_bytes:
            event["pad"] = "x" * self._spec.pad_bytes
        return json.dumps(event, separators=(",", ":")).encode()


async def _wait(wait_s: float, in_turn: int) -> int:
    """Sleep when that is worth it, or give way when the turn was long; returns how many events it sent so far."""
    if wait_s > SHORTEST_SLEEP_S:
        await asyncio.sleep(wait_s)
        return 1
    if in_turn >= EVENTS_PER_TURN:
        await asyncio.sleep(0)
        return 1
    return in_turn + 1
