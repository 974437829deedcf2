"""A driver that does what an actor's loop does."""

import select
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from actors.transport import Closed, Lost, Opened, Received, Transport, TransportEvent
from core.config import TransportSettings
from core.protocol import Endpoint

pytest.register_assert_rewrite("tests.actors.transport.live.socks_peers")

LIMIT_S = 20.0
E = TypeVar("E")


class Driver:
    """An actor's loop around one transport: watches, polls, keeps the deadlines, collects the events."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.events: list[TransportEvent] = []
        self.epoch = 0

    def dial(self, endpoint: Endpoint | str) -> None:
        self.epoch += 1
        self.transport.dial(Endpoint(endpoint) if isinstance(endpoint, str) else endpoint, self.epoch)

    def open(self, endpoint: Endpoint | str) -> Opened:
        self.dial(endpoint)
        return self.wait(Opened)

    def step(self, at_most_s: float) -> list[TransportEvent]:
        """Waits for a descriptor, a deadline or `at_most_s`, then polls once."""
        transport = self.transport
        if not transport.pending():
            deadline_s = transport.deadline_s()
            wait_s = at_most_s if deadline_s is None else min(at_most_s, deadline_s - time.monotonic())
            watched = transport.fds()
            assert len(watched) == len(set(watched))
            assert all(fd >= 0 for fd in watched)
            select.select(watched, [], [], max(0.0, wait_s))
        events = transport.poll()
        assert sum(isinstance(event, Received) for event in events) <= 64
        self.events += events
        return events

    def run(self, done: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Steps until `done()`; fails after `limit_s`."""
        end_s = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < end_s, f"waited {limit_s} s; events: {self.events!r:.2000}"
            self.step(0.2)

    def run_for(self, duration_s: float) -> None:
        end_s = time.monotonic() + duration_s
        while (left_s := end_s - time.monotonic()) > 0:
            self.step(left_s)

    def wait(self, kind: type[E], limit_s: float = LIMIT_S) -> E:
        """The first event of this kind among those of the current epoch."""

        def found() -> list[E]:
            return [e for e in self.events if isinstance(e, kind) and getattr(e, "epoch", 0) == self.epoch]

        self.run(lambda: bool(found()), limit_s)
        return found()[0]

    def lost(self, endpoint: Endpoint | str | None = None, limit_s: float = LIMIT_S) -> Lost:
        """Dials, if given an endpoint, and waits for the loss."""
        if endpoint is not None:
            self.dial(endpoint)
        return self.wait(Lost, limit_s)

    def close(self, *args: Any) -> Closed:
        self.transport.close(*args)
        return self.wait(Closed)

    def messages(self, count: int, limit_s: float = LIMIT_S) -> list[bytes | str]:
        """The data of all messages so far, once there are `count`."""

        def received() -> list[bytes | str]:
            return [event.data for event in self.events if isinstance(event, Received)]

        self.run(lambda: len(received()) >= count, limit_s)
        return received()


@pytest.fixture
def settings() -> TransportSettings:
    """Deadlines short enough for a test that waits for them."""
    return TransportSettings(
        dial_timeout_s=5.0,
        send_timeout_s=1.0,
        close_timeout_s=1.0,
        ping_interval_s=3600.0,
        ping_timeout_s=10.0,
    )


@pytest.fixture
def drive(settings: TransportSettings) -> Iterator[Callable[..., Driver]]:
    """drive(**changed settings) → a Driver; at the end of the test its transport is aborted."""
    drivers: list[Driver] = []

    def make(clock: Callable[[], float] = time.monotonic, **changes: Any) -> Driver:
        drivers.append(Driver(Transport(replace(settings, **changes), clock)))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.transport.abort()
        assert driver.transport.fds() == []
