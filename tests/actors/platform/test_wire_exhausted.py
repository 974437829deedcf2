"""A process without a free descriptor: what it cannot accept costs nothing, what it cannot send goes later."""

import errno
import itertools
import resource
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from actor_programs import Program, listeners, titled
from thespian.system.transport import TransmitIntent

from actors.limits import shortage
from actors.wire import SecureTCPTransport

KNOCKS = 8
WATCHED_S = 1.0
SPIN = 0.3


def leave_none(pid: int) -> tuple[int, int]:
    """Lower its limit to what is open; the limit of before."""
    taken = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    lowest = next(number for number in itertools.count() if number not in taken)
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest, before[1]))
    return before


def used_s(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def test_connections_that_cannot_be_accepted_do_not_spin(programs: Callable[..., Program]) -> None:
    program = programs()
    program.start()
    assert program.echo()
    pid = titled(program.admin, "Root")[0]
    port = next(port for (_, port), owner in listeners([pid]).items() if owner == pid)
    before = leave_none(pid)
    with ExitStack() as held:
        for _ in range(KNOCKS):
            held.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        spent_s = used_s(pid)
        time.sleep(WATCHED_S)  # the time watched
        spent_s = used_s(pid) - spent_s
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    assert spent_s < SPIN * WATCHED_S
    assert program.echo()


class Sender(SecureTCPTransport):
    """Meets an error in the step of a send that it is told."""

    def __init__(self, stage: int, error: Exception) -> None:
        self.failing, self.error = stage, error
        self.retried, self.finished = 0, []  # type: ignore[var-annotated]

    def _next_XMIT_1(self, intent: Any) -> bool:
        raise self.error

    def _next_XMIT_2(self, intent: Any) -> bool:
        raise self.error

    def _next_XMIT_6(self, intent: Any) -> bool:
        self.retried += 1
        return True

    def _finishIntent(self, intent: Any, status: Any = None) -> bool:
        self.finished.append(status)
        return False


@pytest.mark.parametrize(
    ("stage", "error", "retried"),
    [
        (1, OSError(errno.EMFILE, "here"), 1),
        (1, OSError(errno.ENFILE, "on the host"), 1),
        (1, OSError(errno.EPERM, "another"), 0),
        (1, ValueError("a bug"), 0),
        (2, OSError(errno.EMFILE, "while sending"), 0),
    ],
)
def test_a_message_waits_for_a_descriptor_and_fails_for_other_reasons(
    stage: int, error: Exception, retried: int
) -> None:
    sender, intent = Sender(stage, error), TransmitIntent("nobody", "a message")
    intent.stage = stage
    assert sender._nextTransmitStep(intent) is bool(retried)
    assert sender.retried == retried
    assert len(sender.finished) == 1 - retried


def test_a_shortage_is_named() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert shortage() == ""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        found = shortage()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found == "Too many open files"
