"""Fixtures of the system tests: a simulator and a server for each file, with shortened times."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from server import QUICK, Server, running

from simulator.client import Simulator


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator.spawn() as one:
        yield one


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("data"), **QUICK) as one:
        yield one


@pytest.fixture(scope="module")
def steady(server: Server, simulator: Simulator) -> str:
    """An instance whose link is open and stays so."""
    server.add("steady", f"{simulator.listener().url}/ws/steady")
    server.wait_open("steady")
    return "steady"
