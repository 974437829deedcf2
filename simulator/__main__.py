"""Runs a simulator: `python -m simulator`. Prints one JSON line (control URL, pid) when it is ready.

Serves until SIGTERM or SIGINT; with `--die-with-parent` also until the thread that started it ends, with
`--until-stdin-closes` until stdin does.
"""

import argparse
import asyncio
import ctypes
import json
import os
import resource
import signal
import sys

from simulator.control import Control
from simulator.world import World

PR_SET_PDEATHSIG = 1


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if options.die_with_parent is not None:
        _die_with_parent(options.die_with_parent)
    _allow_many_sockets()
    return asyncio.run(_serve(options))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="Upstreams with fault knobs.")
    parser.add_argument("--host", default="127.0.0.1", help="address of listeners and proxies")
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
    return parser.parse_args(arguments)


async def _serve(options: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if options.until_stdin_closes and not _watch_stdin(loop, stopped):
        sys.stderr.write("simulator: --until-stdin-closes needs a pipe or a terminal as stdin\n")
        return 1
    world = World(options.host)
    control = Control(world)
    try:
        url = await control.start(options.control_host, options.control_port)
    except OSError as error:
        sys.stderr.write(f"simulator: cannot serve {options.control_host}:{options.control_port}: {error}\n")
        return 1
    sys.stdout.write(json.dumps({"control": url, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    await stopped.wait()
    control.stop()
    world.stop()
    return 0


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


if __name__ == "__main__":
    sys.exit(main())
