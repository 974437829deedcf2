"""How an instance's process ends itself: after a bug, or when it takes too much memory."""

import os
from pathlib import Path

from actors.consumption import private_bytes
from actors.data_limit import DataLimit
from actors.exits import EXIT_ALLOCATION, EXIT_BUG, EXIT_LIMIT, EXIT_MEMORY
from actors.instance_gates import InstanceGates
from actors.process import leave_stack, when_memory_fails
from core.effects import Record
from core.messages import (
    ConfigureInstance,
)
from store.layout import DataDir


class InstanceEnds(InstanceGates):
    """Ends that leave their stack for the crash record."""

    def __init__(self) -> None:
        super().__init__()
        self._limit = DataLimit()
        when_memory_fails(self.on_bug)

    def _check_memory(self, setup: ConfigureInstance) -> None:
        """End a process that leaks before it hurts its neighbours; the store hands everything over."""
        self._memory_bytes = used = private_bytes()
        ceiling_mb = setup.settings.supervision.memory_mb
        if used is not None and used > ceiling_mb * 1024 * 1024:
            text = f"private memory {used // (1024 * 1024)} MiB, the ceiling is {ceiling_mb} MiB"
            self._log(Record("watchdog", "ERROR", {"text": f"Watchdog: {text}"}))
            self._end(EXIT_MEMORY, MemoryError(text))

    def _end(self, code: int, error: Exception) -> None:
        """End this process now, leaving the stack where the registry finds it."""
        try:
            if self._setup is not None:
                leave_stack(DataDir(Path(self._setup.data_dir)).crash, error)
        finally:
            # Whatever keeps the stack from being written, most of all no memory, the process must end.
            os._exit(code)

    def on_bug(self, error: Exception) -> None:
        """A bug leaves this process in a state that nobody thought of: end it, the group starts a new one.

        What was durable is handed over by the store; the stack goes where the registry finds it.
        """
        if not isinstance(error, MemoryError):
            return self._end(EXIT_BUG, error)
        code = EXIT_ALLOCATION
        try:
            self._limit.lift()  # what follows takes memory, too
            error.add_note(self._limit.explained())
            code = EXIT_LIMIT if self._limit.near else EXIT_ALLOCATION
        finally:
            self._end(code, error)
