"""Row 35: a transport under every order of calls, on real sockets."""

import os
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.transport import Closed, Lost, Opened, Received, Transport, TransportEvent, TransportState
from core.config import TransportSettings
from core.protocol import Endpoint

PATIENCE_S = 10.0
SHORT = TransportSettings(
    dial_timeout_s=0.2, send_timeout_s=0.2, close_timeout_s=0.1, ping_interval_s=0.05, ping_timeout_s=0.2
)
BEHAVIOURS = ["echo", "deaf", "leave", "bad", "eof", "reset", "stall", "busy", "refuse"]


class Life(RuleBasedStateMachine):
    """A transport under every order of calls. What must hold is checked after each."""

    server: Any

    def __init__(self) -> None:
        super().__init__()
        self.transport = Transport(SHORT)
        self.epoch = 0
        self.ended = True  # the current epoch's Lost or Closed was seen
        self.opened = False
        self.closes_due = 0
        self.reading = True

    def take(self, events: list[TransportEvent]) -> None:
        assert sum(isinstance(event, Received) for event in events) <= 64
        for event in events:
            assert event.epoch == self.epoch
            match event:
                case Opened():
                    assert not self.opened and not self.ended
                    self.opened = True
                case Received():
                    assert self.opened and not self.ended and self.reading
                case Lost():
                    assert not self.ended
                    self.ended = True
                case Closed():
                    assert self.closes_due == 1
                    self.closes_due = 0
                    self.ended = True

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    def dial(self, behaviour: str) -> None:
        self.take(self.transport.poll())
        endpoint = Endpoint(self.server.url(behaviour))
        if self.transport.state not in (TransportState.IDLE, TransportState.CLOSED):
            with pytest.raises(RuntimeError):
                self.transport.dial(endpoint, self.epoch + 1)
            return
        self.epoch += 1
        self.ended, self.opened, self.reading = False, False, True
        self.transport.dial(endpoint, self.epoch)

    @rule(code=st.sampled_from([1000, 1001, 1005, 4000]), reason=st.text(max_size=5))
    def close(self, code: int, reason: str) -> None:
        self.transport.close(code, reason)
        self.closes_due = 1

    @rule(wait_ms=st.sampled_from([0, 0, 0.3, 1, 3, 10]))
    def poll(self, wait_ms: float) -> None:
        self.take(self.server.step(self.transport, wait_ms / 1000))

    @rule(size=st.sampled_from([0, 10, 200]), text=st.booleans())
    def send(self, size: int, text: bool) -> None:
        is_open = self.transport.state is TransportState.OPEN
        failure = self.transport.send(b"x" * size, text)
        assert is_open or failure is not None

    @rule()
    def stop_reading(self) -> None:
        self.take(self.transport.poll())
        self.transport.stop_reading()
        self.reading = False

    @rule()
    def resume_reading(self) -> None:
        self.transport.resume_reading()
        self.reading = True

    @invariant()
    def watches_open_descriptors_once(self) -> None:
        watched = self.transport.fds()
        assert len(set(watched)) == len(watched)
        for fd in watched:
            os.fstat(fd)

    @invariant()
    def somebody_will_call_again_while_something_runs(self) -> None:
        transport = self.transport
        if transport.state not in (TransportState.IDLE, TransportState.CLOSED) or self.closes_due:
            assert transport.fds() or transport.pending() or transport.deadline_s() is not None

    def teardown(self) -> None:
        self.transport.close()
        self.closes_due = 1
        end_s = time.monotonic() + PATIENCE_S
        while self.closes_due:
            assert time.monotonic() < end_s
            self.take(self.server.step(self.transport, 0.1))
        self.server.eventually(
            lambda: not self.transport.poll() and self.transport.fds() == [], "a thread is not back"
        )
        self.server.eventually(lambda: self.server.alive == 0, "the server still has a connection")
        assert self.server.overlaps == 0


def test_any_order_of_calls_keeps_the_rules(server: Any) -> None:
    Life.server = server
    Life.TestCase.settings = settings(
        max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    case: Any = Life.TestCase()
    case.runTest()
    assert server.accepted > 0
