"""Misbehaviour on demand, for the hooks in hooks/sitecustomize.py: code that a process of a server runs itself."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from server import Server, wait_for

HOOKS = Path(__file__).parent / "hooks"

BUSY = "while True:\n    pass\n"
DEADLOCK = "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n"
# Nine tenths of the time it computes, and beats in the rest.
SPIN = """
import signal, time
def busy(_number, _frame):
    end_s = time.monotonic() + 0.09
    while time.monotonic() < end_s:
        pass
signal.signal(signal.SIGALRM, busy)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.1)
"""
# Takes memory and uses it.
EAT = "taken = [b'x' * (1 << 20) for _ in range({mib})]\n"
# The same piece by piece in a handler that never returns, so that no heartbeat looks at it.
GROW = """
import time
def growing():
    taken = []
    while True:
        taken.append(b"x" * (4 << 20))
        time.sleep(0.02)
growing()
"""
# The next events that are to be stored meet an allocation that nobody can grant.
NO_MEMORY = """
from store.session import SessionStore
original = SessionStore.commit
def commit(self, batch):
    if batch.events:
        bytearray(1 << 62)
    original(self, batch)
SessionStore.commit = commit
"""
# Gigabytes at once, which nobody touches (a bytearray would be, and then the ceiling may come first): at any moment,
# and when the next events are to be stored.
GULP = "taken = [bytes(1 << 24) for _ in range(256)]\n"
GULP_AT_COMMIT = """
from store.session import SessionStore
original = SessionStore.commit
def commit(self, batch):
    if batch.events:
        taken = [bytes(1 << 24) for _ in range(256)]
    original(self, batch)
SessionStore.commit = commit
"""
# What Thespian does at SIGTERM is gone, and nothing else ends the process either.
IGNORE_TERM = "import _signal\n_signal.signal(_signal.SIGTERM, _signal.SIG_IGN)\n" + BUSY
# What a handler committed to the session file is durable, then it raises. `{part}`: of the batch, not empty.
RAISE_AFTER_COMMIT = """
from store.session import SessionStore
original = SessionStore.commit
def commit(self, batch):
    original(self, batch)
    if batch.{part}:
        raise RuntimeError("a fault of a test")
SessionStore.commit = commit
"""
# For a group: from now on each new process of this instance raises as soon as it is configured.
CRASH_AT_START = """
from actors.instance import InstanceActor
original = InstanceActor._open
def opening(self):
    if self._setup.record.instance_id == {instance!r}:
        raise RuntimeError("a fault of a test")
    original(self)
InstanceActor._open = opening
InstanceActor.whole = original
"""
WHOLE_AGAIN = "from actors.instance import InstanceActor\nInstanceActor._open = InstanceActor.whole\n"


@contextlib.contextmanager
def hooks_on(directory: Path) -> Iterator[None]:
    """Servers that are started meanwhile run hooks; `directory`: where their code is put."""
    directory.mkdir(exist_ok=True)
    names = {"FAULT_HOOKS": str(directory), "PYTHONPATH": str(HOOKS)}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def run_in(server: Server, pid: int, code: str) -> None:
    """Let a process of the server run this code in its main thread; returns when it has begun."""
    path = server.data / "hooks" / f"{pid}.py"
    path.write_text(code, "utf-8")
    server.kill(pid, signal.SIGUSR2)
    wait_for(lambda: not path.exists(), 10, lambda: f"process {pid} did not take its hook")
