"""Runs a simulator: `python3 run.py simulator`. Prints one JSON line (control URL, listeners, pid) when it is ready.

Serves until SIGTERM or SIGINT; with `--die-with-parent` also until the thread that started it ends, with
`--until-stdin-closes` until stdin does.
"""

import argparse
import asyncio
import sys

from simulator import lifetime
from simulator.asked import METAVAR, faults_help, open_listeners, parse_listener
from simulator.checking import SpecError
from simulator.control import Control
from simulator.routes import ROUTES, Call
from simulator.world import World


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    lifetime.prepare(options)
    return asyncio.run(_serve(options))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py simulator",
        description="Upstreams with fault knobs. More of them, and changes, by the control API.",
        epilog=faults_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address of listeners and proxies")
    parser.add_argument(
        *("--listener",),
        action="append",
        default=[],
        metavar=METAVAR,
        help="an upstream with this fault (none: healthy); repeatable",
    )
    lifetime.add_options(parser)
    options = parser.parse_args(arguments)
    try:
        options.listeners = [parse_listener(text) for text in options.listener]
    except SpecError as error:
        parser.error(f"--listener {error}")
    return options


async def _serve(options: argparse.Namespace) -> int:
    stopped = lifetime.stop_event(options)
    if stopped is None:
        return 1
    world = World(options.host)
    control = Control(ROUTES, lambda names, body: Call(world, names, body))
    try:
        url = await control.start(options.control_host, options.control_port)
    except OSError as error:
        sys.stderr.write(f"simulator: cannot serve {options.control_host}:{options.control_port}: {error}\n")
        return 1
    try:
        listeners = await open_listeners(world, options.listeners)
    except OSError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    lifetime.ready(control=url, listeners=listeners)
    await stopped.wait()
    control.stop()
    world.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
