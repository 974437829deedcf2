"""How child processes ended. Thespian's ChildActorExited carries no reason, but its process objects have the code.

`install` wraps the one private method through which Thespian reaps a child (MultiProcReplicator._checkChildLiveness);
a test fails loudly when a new version changes it.
"""

import signal
from typing import Any

from thespian.system.multiprocCommon import MultiProcReplicator

# Address in words → (pid, exit code as in multiprocessing: negative = signal). Read once by the parent.
_EXITS: dict[str, tuple[int, int | None]] = {}
_MAX_REMEMBERED = 1000

EXIT_BUG = 70
EXIT_MEMORY = 71
CODES = {
    EXIT_BUG: "ended itself after a bug",
    EXIT_MEMORY: "ended itself: private memory above supervision.memory_mb",
}


def install() -> None:
    """Record exit codes from here on; harmless when called again."""
    original = MultiProcReplicator._checkChildLiveness
    if getattr(original, "records_exits", False):
        return

    def check(child: Any) -> bool:
        alive = bool(original(child))
        if not alive:
            address = getattr(child, "childRealAddr", child.childAddr)
            while len(_EXITS) >= _MAX_REMEMBERED:
                del _EXITS[next(iter(_EXITS))]
            _EXITS[str(address)] = (child.childProc.pid, child.childProc.exitcode)
        return alive

    check.records_exits = True  # type: ignore[attr-defined]
    MultiProcReplicator._checkChildLiveness = staticmethod(check)


def taken(address: Any) -> tuple[int, str]:
    """The pid and the cause of a child's end, in words; (0, "exited") when nothing is known."""
    pid, code = _EXITS.pop(str(address), (0, None))
    return pid, describe(code)


def child_pid(parent: Any, address: Any) -> int | None:
    """The pid of a child of this actor, also when the child never said anything; None when it is gone.

    Reads Thespian's private list of its processes (MultiProcReplicator._child_procs), kept under test.
    """
    for child in getattr(parent._myRef, "_child_procs", []):
        if address in (getattr(child, "childRealAddr", None), child.childAddr):
            return int(child.childProc.pid)
    return None


def describe(code: int | None) -> str:
    """`killed by SIGKILL`, `exit code 1`, `exited`."""
    if code is None:
        return "exited"
    if code >= 0:
        return CODES.get(code, f"exit code {code}")
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
