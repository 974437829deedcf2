"""One node process and one simulated WhatsApp for the folder; a cast for each test, or for a whole file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.baileys import Driver
from tests.interop.cast import Cast, OurParty, TheirParty
from tests.interop.installing import NoNode, installed, require_node
from tests.interop.upstream import Upstream


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    """Baileys. The tests are skipped where node or npm is missing."""
    try:
        node, _ = require_node()
    except NoNode as missing:
        pytest.skip(str(missing))
    with Driver(node, installed()) as running:
        yield running
    assert running.unhandled == []


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    """The simulated WhatsApp. What clients did wrong fails the last test."""
    with Upstream() as running:
        yield running
        assert (running.complaints(), running.errors()) == ([], [])


@pytest.fixture
def cast(upstream: Upstream, driver: Driver, tmp_path: Path) -> Iterator[Cast]:
    made = Cast(upstream, driver, tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def module_cast(
    upstream: Upstream, driver: Driver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cast]:
    made = Cast(upstream, driver, tmp_path_factory.mktemp("cast"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def pair(module_cast: Cast) -> tuple[OurParty, TheirParty]:
    return module_cast.ours(), module_cast.theirs()
