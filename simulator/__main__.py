"""Runs a simulator: `python -m simulator`. Prints one JSON line (control URL, pid) when it is ready.

Serves until SIGTERM or SIGINT; with `--die-with-parent` also until the thread that started it ends, with
`--until-stdin-closes` until stdin does.
"""

import argparse
import asyncio
import sys

from simulator import lifetime
from simulator.control import Control
from simulator.routes import ROUTES, Call
from simulator.world import World


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    lifetime.prepare(options)
    return asyncio.run(_serve(options))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator", description="Upstreams with fault knobs.")
    parser.add_argument("--host", default="127.0.0.1", help="address of listeners and proxies")
    lifetime.add_options(parser)
    return parser.parse_args(arguments)


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
    lifetime.ready(control=url)
    await stopped.wait()
    control.stop()
    world.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
