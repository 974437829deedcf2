"""Fixtures of the platform tests."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from actor_programs import Program


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Makes programs; all of them have ended after the test."""
    made: list[Program] = []

    def make(**wanted: Any) -> Program:
        made.append(Program(wanted.pop("python", sys.executable), tmp_path, **wanted))
        return made[-1]

    yield make
    for program in made:
        program.close()


@pytest.fixture
def system(programs: Callable[..., Program]) -> Program:
    """A running system with its root."""
    program = programs()
    program.start()
    return program
