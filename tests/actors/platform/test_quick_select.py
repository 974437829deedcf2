"""The selector of the actor loop, beside the standard library's."""

import contextlib
import os
import selectors as standard
import socket
from collections.abc import Iterator

import pytest

from actors.quick_select import EVENT_READ, EVENT_WRITE, selectors

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def fill(connection: socket.socket) -> None:
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            connection.send(bytes(65536))


def both(watched: list[tuple[int, int]]) -> list[dict[int, int]]:
    """What the standard selector and ours say of these descriptors."""
    said = []
    for module in (standard, selectors):
        one = module.DefaultSelector()
        for descriptor, events in watched:
            one.register(descriptor, events)
        said.append({key.fd: events for key, events in one.select(0)})
        one.close()
    return said


@pytest.mark.parametrize("events", [EVENT_READ, EVENT_WRITE, EVENT_READ | EVENT_WRITE])
@pytest.mark.parametrize("state", ["silent", "readable", "closed", "full"])
def test_it_says_what_the_standard_one_says(pair: Pair, events: int, state: str) -> None:
    ours, theirs = pair
    match state:
        case "readable":
            theirs.send(b"x")
        case "closed":
            theirs.close()
        case "full":
            fill(ours)
    expected, said = both([(ours.fileno(), events)])
    assert said == expected


def test_one_descriptor_may_be_watched_for_both_by_two_calls(pair: Pair) -> None:
    one = selectors.DefaultSelector()
    one.register(pair[0].fileno(), EVENT_READ)
    one.register(pair[0].fileno(), EVENT_WRITE)
    pair[1].send(b"x")
    assert one.select(0) == [((pair[0].fileno(),), EVENT_READ | EVENT_WRITE)]


def test_it_waits_and_returns_nothing_when_nothing_happens(pair: Pair) -> None:
    one = selectors.DefaultSelector()
    one.register(pair[0].fileno(), EVENT_READ)
    assert one.select(0.001) == []


def test_closed_descriptors_are_errors_that_the_loop_knows(pair: Pair) -> None:
    spare = os.dup(pair[0].fileno())
    os.close(spare)
    one = selectors.DefaultSelector()
    one.register(spare, EVENT_READ)
    with pytest.raises(OSError, match="Bad file descriptor"):
        one.select(0)
    with pytest.raises(ValueError, match="invalid file descriptor"):
        one.register(-1, EVENT_READ)
