"""How a simulator process begins and ends: options, one line when it is ready, and what stops it."""

import argparse
import asyncio
import ctypes
import json
import os
import resource
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """What every simulator process takes."""
    parser.add_argument(
        "--control-host", default="127.0.0.1", help="address of the control API; it has no password"
    )
    parser.add_argument("--control-port", type=int, default=0, help="0: any free port")
    parser.add_argument(
        "--die-with-parent",
        nargs="?",
        type=int,
        const=os.getppid(),
        metavar="PID",
        help="end with the thread that started this; PID: the parent, so that one that ended before is noticed",
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when stdin is closed")


def prepare(options: argparse.Namespace) -> None:
    """Before anything else."""
    if options.die_with_parent is not None:
        _die_with_parent(options.die_with_parent)
    _allow_many_sockets()


def stop_event(options: argparse.Namespace) -> asyncio.Event | None:
    """Set on SIGTERM, SIGINT and, when wanted, the end of stdin. None, with a word on stderr, when stdin cannot
    be waited for.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if options.until_stdin_closes and not _watch_stdin(loop, stopped):
        sys.stderr.write("simulator: --until-stdin-closes needs a pipe or a terminal as stdin\n")
        return None
    return stopped


def ready(**facts: Any) -> None:
    """Tell whoever started this process where to find things: one JSON line."""
    sys.stdout.write(json.dumps({**facts, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> bool:
    """False when stdin cannot be waited for: epoll takes neither files nor /dev/null."""
    try:
        loop.add_reader(sys.stdin.fileno(), _stdin_ready, loop, stopped)
    except PermissionError:
        return False
    return True


def _stdin_ready(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        stopped.set()


def _die_with_parent(parent: int) -> None:
    """SIGKILL when the parent ends; exits at once when it ended before this call."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def _allow_many_sockets() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
