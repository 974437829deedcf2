"""A world for each test."""

from collections.abc import Iterator

import pytest

from tests.simulator_whatsapp.driving import World


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    assert list(made.server.core.observed.complaints) == []
