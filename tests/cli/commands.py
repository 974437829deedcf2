"""Runs `run.py` commands as an operator does, and reads what they print."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.folder import Place, keeper_of
from cli.processes import Process, descendants, kill_all
from tests.cli.running import HOME

COMMAND_S = 110.0


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Operator:
    """Works on one data folder; `environ`: more variables."""

    data: Path

    @property
    def place(self) -> Place:
        return Place.choose(self.data)

    def run(self, *arguments: str, **environ: str) -> Done:
        """One command with `--data`."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SAMBUNG_")}
        done = subprocess.run(
            [sys.executable, str(HOME / "run.py"), *arguments, "--data", str(self.data)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_S,
            check=False,
            env=inherited | {"SAMBUNG_NO_BOOTSTRAP": "1"} | environ,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, **environ: str) -> Done:
        """One command that has to succeed."""
        done = self.run(*arguments, **environ)
        assert done.code == 0, f"{arguments}: exit {done.code}\n{done.out}\n{done.err}"
        return done

    def json(self, *arguments: str) -> Any:
        """What a command prints with `-o json`; nothing but JSON may be on stdout."""
        return self.ok(*arguments, "-o", "json").json

    def clean_up(self) -> None:
        """End the service, however it is."""
        keeper = keeper_of(self.place)
        if keeper is not None:
            assert not kill_all([keeper, *descendants(keeper.pid)], 30)


def running(operator: Operator) -> list[Process]:
    """The keeper and everything below it."""
    keeper = keeper_of(operator.place)
    assert keeper is not None
    return [keeper, *descendants(keeper.pid)]
