"""Help for the command line's tests: real processes, real files, deadlines instead of sleeps."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.processes import Process, descendants, kill_all

HOME = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0


def eventually(probe: Callable[[], Any], what: str, timeout_s: float = DEADLINE_S) -> Any:
    """The first true value of the probe; fails naming `what` after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not (value := probe()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s:g} s"
        time.sleep(0.02)
    return value


class Started:
    """Processes that a test started; everything below them ends with the test."""

    def __init__(self) -> None:
        self.roots: list[subprocess.Popen[str]] = []

    def python(self, *arguments: str, **more: object) -> subprocess.Popen[str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("SAMBUNG_")} | {
            "PYTHONPATH": str(HOME)
        }
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=more.pop("cwd", HOME),
            env=environ | dict(more.pop("env", {})),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            **more,
        )
        self.roots.append(process)
        return process

    def end(self) -> None:
        for root in self.roots:
            victims = descendants(root.pid)
            if root.poll() is None:
                root.kill()
            assert not kill_all(victims, DEADLINE_S)
            root.communicate()


def pids(path: Path) -> list[int]:
    """The pids that a fake child wrote, oldest first."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def gone(pid: int) -> bool:
    return Process.of(pid) is None
