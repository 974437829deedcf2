"""A world for each test."""

from collections.abc import Iterator

import pytest

from tests.simulator_whatsapp.driving import World

pytest.register_assert_rewrite("tests.simulator_whatsapp.asking")


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    assert list(made.server.core.observed.complaints) == []
