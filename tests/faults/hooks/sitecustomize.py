"""Lets a test make a living process of a server misbehave: on SIGUSR2 its main thread runs DIRECTORY/PID.py once.

Python imports this at the start of every process that has this folder on PYTHONPATH; without FAULT_HOOKS, which names
the directory, it does nothing. Processes that are forked inherit the handler.
"""

import os
import signal
from pathlib import Path
from types import FrameType

DIRECTORY = os.environ.get("FAULT_HOOKS")
NUMBER = signal.SIGUSR2
_set = signal.signal


def run_hook(_number: int, _frame: FrameType | None) -> None:
    path = Path(DIRECTORY or "") / f"{os.getpid()}.py"
    code = path.read_text("utf-8")
    path.unlink()
    exec(code, {})


def keep_hook(number: int, handler: object) -> object:
    """signal.signal, for all but our signal: the actor system takes every one it finds."""
    return signal.getsignal(number) if number == NUMBER else _set(number, handler)  # type: ignore[arg-type]


if DIRECTORY:
    _set(NUMBER, run_hook)
    signal.signal = keep_hook  # type: ignore[assignment]
