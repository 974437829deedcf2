"""Row 35: dials that are closed at random moments, on real sockets."""

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from actors.transport import Closed, Lost, Opened, Transport, TransportEvent, TransportState
from core.config import TransportSettings
from core.protocol import Endpoint

SHORT = TransportSettings(
    dial_timeout_s=0.2, send_timeout_s=0.2, close_timeout_s=0.1, ping_interval_s=0.05, ping_timeout_s=0.2
)


def close_at_random_moments(server: Any, count: int, seed: int) -> dict[str, int]:
    """Dials `count` times and closes each at a random moment; how the dials had got on by then."""
    chance = random.Random(seed)
    transport = Transport(SHORT)
    seen = {"connecting": 0, "opened": 0, "ended": 0}
    for epoch in range(1, count + 1):
        behaviour = chance.choice(["stall", "echo", "echo", "leave", "reset", "busy", "refuse"])
        transport.dial(Endpoint(server.url(behaviour)), epoch)
        events: list[TransportEvent] = []
        until_s = time.monotonic() + chance.choice([0.0, 0.0001, 0.0005, 0.001, 0.003]) * chance.random()
        while (left_s := until_s - time.monotonic()) > 0:
            events += server.step(transport, left_s)
        state = "connecting" if transport.state is TransportState.CONNECTING else "ended"
        seen["opened" if any(isinstance(e, Opened) for e in events) else state] += 1
        transport.close()
        while not any(isinstance(event, Closed) for event in events):
            events += server.step(transport, 1.0)
        assert sum(isinstance(event, Closed) for event in events) == 1
        assert sum(isinstance(event, Lost) for event in events) <= 1
        assert transport.state is TransportState.CLOSED
    server.eventually(lambda: not transport.poll() and transport.fds() == [], "a thread is not back")
    server.eventually(lambda: server.alive == 0, "the server still has a connection")
    return seen


def test_row_35_a_thousand_closes_at_random_moments(server: Any) -> None:
    seen = close_at_random_moments(server, 1000, seed=35)
    assert seen["connecting"] > 50 and seen["opened"] > 50, seen
    assert server.overlaps == 0
    assert server.accepted > 300


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_row_35_in_a_hundred_thousand_steps(server: Any) -> None:
    close_at_random_moments(server, 100_000, seed=350)
    assert server.overlaps == 0


def test_closes_at_random_moments_of_a_tls_dial(
    server: Any, serve: Callable[..., Any], server_tls: Any, ca_file: str
) -> None:
    chance = random.Random(36)
    secure = serve(lambda peer: peer.upgrade().wait_eof(), server_tls)
    before = server.descriptors()
    transport = Transport(SHORT)
    for epoch in range(1, 201):
        transport.dial(Endpoint(secure.url, ca_file=ca_file), epoch)
        events: list[TransportEvent] = []
        until_s = time.monotonic() + 0.01 * chance.random()
        while (left_s := until_s - time.monotonic()) > 0:
            events += server.step(transport, left_s)
        transport.close()
        while not any(isinstance(event, Closed) for event in events):
            events += server.step(transport, 1.0)
    server.eventually(lambda: not transport.poll() and transport.fds() == [], "a thread is not back")
    server.eventually(lambda: not server.dial_threads(), "a dial thread is still there")
    server.eventually(lambda: server.descriptors() <= before, "a descriptor leaked")
