"""Runs a simulated WhatsApp server: `python -m simulator.whatsapp`.

Prints one JSON line when it is ready: `url` for clients, `root_key` (hex) that they must trust, `control` (URL of the
control API), `pid`. Serves until SIGTERM or SIGINT; see `simulator.lifetime` for more ways to end it.
"""

import argparse
import asyncio
import sqlite3
import sys
from pathlib import Path

from simulator import lifetime
from simulator.control import Control
from simulator.whatsapp.control_call import Call
from simulator.whatsapp.routes import ROUTES
from simulator.whatsapp.service import Service
from simulator.whatsapp.settings import ServerSettings


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    lifetime.prepare(options)
    return asyncio.run(_serve(options))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m simulator.whatsapp", description="A WhatsApp server with phones."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address that clients dial")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument(
        "--folder", type=Path, help="keep everything here, across restarts; default: in memory"
    )
    lifetime.add_options(parser)
    return parser.parse_args(arguments)


async def _serve(options: argparse.Namespace) -> int:
    stopped = lifetime.stop_event(options)
    if stopped is None:
        return 1
    try:
        service = Service(ServerSettings(), options.folder)
        control = Control(ROUTES, lambda names, body: Call(service, names, body))
        await service.start(options.host, options.port)
        url = await control.start(options.control_host, options.control_port)
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"simulator.whatsapp: cannot serve: {error}\n")
        return 1
    lifetime.ready(control=url, url=service.url, root_key=service.server.root_key.hex())
    await stopped.wait()
    control.stop()
    await service.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
