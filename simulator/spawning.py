"""Starting a simulator process and ending it again, synchronously."""

import json
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulator.call import SimulatorError

STOP_S = 5.0


def spawn(
    module: str, arguments: Sequence[str], *, within: Sequence[str] = (), deadline_s: float = 30.0
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Run `python -m module`, which ends with this process; returns it and what its first line says.

    `within`: a command that runs it elsewhere. Raises SimulatorError when it is not ready within `deadline_s`.
    """
    process = subprocess.Popen(
        [*within, *_command(module), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": _python_path()},
    )
    try:
        return process, _first_line(process, deadline_s)
    except BaseException:
        end(process)
        raise


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and wait for it. Harmless when it is gone."""
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _command(module: str) -> Sequence[str]:
    command = [sys.executable, "-m", module, "--until-stdin-closes"]
    # The kernel ends the child with the *thread* that started it: only the main one lives as long as we do.
    if threading.current_thread() is threading.main_thread():
        command += ["--die-with-parent", str(os.getpid())]
    return command


def _python_path() -> str:
    ours = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join([ours, *filter(None, [os.environ.get("PYTHONPATH")])])


def _first_line(process: subprocess.Popen[bytes], deadline_s: float) -> dict[str, Any]:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(deadline_s) else b""
    if not line:
        end(process)
        raise SimulatorError(
            f"the simulator (pid {process.pid}) was not ready within {deadline_s:g} s, or ended; see stderr"
        )
    told: dict[str, Any] = json.loads(line)
    return told
