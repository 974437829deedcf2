"""Messages both ways while faults happen: events from the upstream, sends by the API, and what came of them."""

import contextlib
import itertools
import json
import random
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from cli.failure import CommandFailed
from simulator.client import SimulatorError
from soak.bed import Bed
from soak.invariants import EventLedger, MessageLedger

EVENTS_PER_S = 1.0  # to each instance
SENDS_PER_S = 2.0  # by each of the threads
SENDERS = 2
PAGE = 500
LONGEST_S = 86_400.0


class Traffic:
    """Runs from `start` to `stop`. `events`, `messages`: the ledgers; `refused`: sends that were not accepted."""

    def __init__(self, bed: Bed, seed: int) -> None:
        self.events = EventLedger()
        self.messages = MessageLedger()
        self.refused = 0
        self._bed = bed
        self._seed = seed
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._position: str | None = None
        self._turn = itertools.cycle(bed.ids)

    def start(self) -> None:
        self._push = self._bed.upstream.push(rate_per_s=EVENTS_PER_S, duration_s=LONGEST_S)
        for number in range(SENDERS):
            names = self._bed.ids[number::SENDERS]
            thread = threading.Thread(target=self._send, args=(number, names), name="sender", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """No new messages; those under way are answered."""
        self._over.set()
        with contextlib.suppress(SimulatorError):  # it may have ended with us
            self._push.stop()
        for thread in self._threads:
            thread.join(30.0)

    def _send(self, number: int, names: Sequence[str]) -> None:
        """One after another: an instance's messages are accepted in the order of their numbers."""
        draw = random.Random(self._seed * 100 + number)
        for count in itertools.count(1):
            if self._over.wait(1 / SENDS_PER_S):
                return
            name, ident = draw.choice(names), f"m{number}-{count}"
            body = {"id": ident, "content": {"m": ident}}
            status = 0
            with contextlib.suppress(CommandFailed):
                status, _ = self._bed.client.answer("POST", f"/api/v1/instances/{name}/messages", body)
            if status == 202:
                self.messages.accept(name, ident)
            else:
                self.refused += 1

    def follow(self, pages: int = 20) -> Iterator[str]:
        """Read what is new in the journal, at most so many pages; complaints."""
        for _ in range(pages):
            query = {"limit": PAGE, "after": self._position}
            found = self._bed.client.call("GET", "/api/v1/events", query=query)["data"]
            for event in found:
                yield from self.events.take(event)
            if found:
                self._position = found[-1]["id"]
            if len(found) < PAGE:
                return

    def collect_some(self, count: int = 2) -> None:
        """What the upstream got from the next few instances: it keeps the newest thousand messages of each."""
        for name in itertools.islice(self._turn, count):
            self.collect(name)

    def collect(self, name: str) -> Any:
        """Note what the upstream got from this instance; the upstream's view of it."""
        seen = self._bed.upstream.instance(name)
        for message in seen.messages:
            if message.text is not None and message.text.startswith('{"m":'):
                self.messages.arrive(name, json.loads(message.text)["m"], message.at)
        return seen

    def outcome(self, name: str, ident: str) -> dict[str, Any]:
        """What the server says became of a message."""
        found: dict[str, Any] = self._bed.client.call("GET", f"/api/v1/instances/{name}/messages/{ident}")[
            "data"
        ]
        return found
