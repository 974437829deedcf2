"""How child processes ended. Thespian's ChildActorExited carries no reason, but its process objects have the code.

`install` wraps the one private method through which Thespian reaps a child (MultiProcReplicator._checkChildLiveness);
a test fails loudly when a new version changes it.
"""

import signal
from typing import Any

from thespian.system.multiprocCommon import MultiProcReplicator

from actors.oom import Lookout

# Address in words → (pid, how it ended). Read once by the parent.
_EXITS: dict[str, tuple[int, str]] = {}
_LOOKOUT = Lookout()
_MAX_REMEMBERED = 1000

EXIT_BUG = 70
EXIT_MEMORY = 71
EXIT_ALLOCATION = 72
EXIT_LIMIT = 73
CODES = {
    EXIT_BUG: "ended itself after a bug",
    EXIT_MEMORY: "ended itself: private memory above supervision.memory_mb",
    EXIT_ALLOCATION: "ended itself: an allocation failed (MemoryError)",
    EXIT_LIMIT: "ended itself: an allocation failed (MemoryError) at the limit far above supervision.memory_mb",
}
OUT_OF_MEMORY = "; the kernel killed for want of memory just then"


def install() -> None:
    """Record how children end from here on; harmless when called again."""
    note_kills()
    original = MultiProcReplicator._checkChildLiveness
    if getattr(original, "records_exits", False):
        return

    def check(child: Any) -> bool:
        alive = bool(original(child))
        if not alive:
            address = getattr(child, "childRealAddr", child.childAddr)
            while len(_EXITS) >= _MAX_REMEMBERED:
                del _EXITS[next(iter(_EXITS))]
            _EXITS[str(address)] = (child.childProc.pid, ending(child.childProc.exitcode))
        return alive

    check.records_exits = True  # type: ignore[attr-defined]
    MultiProcReplicator._checkChildLiveness = staticmethod(check)


def taken(address: Any) -> tuple[int, str]:
    """The pid and the cause of a child's end, in words; (0, "exited") when nothing is known."""
    return _EXITS.pop(str(address), (0, "exited"))


def note_kills() -> None:
    """Call every few seconds: what the kernel killed until now has nothing to do with a child that ends later."""
    _LOOKOUT.note()


def ending(code: int | None) -> str:
    """How a child ended that is reaped now, with the kernel's reason for a SIGKILL."""
    text = describe(code)
    return text + OUT_OF_MEMORY if code == -signal.SIGKILL and _LOOKOUT.explains() else text


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
