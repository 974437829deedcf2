"""Fixtures of the fault matrix: one house for all rows, with the transport's deadlines as in production."""

import contextlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

from hooked import hooks_on  # noqa: E402
from peer import Peer, peer  # noqa: E402
from rows import Admit, House, Patient, housed  # noqa: E402

from simulator.client import Listener, Simulator  # noqa: E402


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator.spawn() as one:
        yield one
        assert one.errors() == []


@pytest.fixture(scope="session")
def remote() -> Iterator[Peer]:
    """An upstream's own machine."""
    with peer() as one:
        yield one


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, simulator: Simulator) -> Iterator[House]:
    data = tmp_path_factory.mktemp("data")
    with contextlib.ExitStack() as stack:
        with hooks_on(data / "hooks"):  # other tests of this process must not start theirs with it
            one = stack.enter_context(housed(data, simulator))
        yield one


NUMBERS = itertools.count(1)


@pytest.fixture
def admit(house: House) -> Iterator[Admit]:
    """A new instance for one test, removed after it."""
    made: list[str] = []

    def make(upstream: Listener, **config: Any) -> Patient:
        name = f"p{next(NUMBERS)}"
        house.server.add(name, config.pop("url", None) or upstream.url_of(name), **config)
        made.append(name)
        return Patient(house, name, upstream)

    yield make
    for name in made:
        house.server.call("DELETE", f"/api/v1/instances/{name}")


@pytest.fixture
def undisturbed(house: House) -> Iterator[None]:
    """In every row: instances outside the failed subtree notice nothing."""
    with house.undisturbed():
        yield
