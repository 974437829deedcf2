"""Fixtures of the command line's tests."""

from collections.abc import Iterator

import pytest

from tests.cli.running import Started


@pytest.fixture
def started() -> Iterator[Started]:
    processes = Started()
    yield processes
    processes.end()
