"""Commands that only this program itself runs: the processes below the launcher, and the keeper."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from cli.folder import Place
from cli.request import Request
from store.layout import DataDir


def run_hidden(command: str, arguments: Sequence[str]) -> int:
    """Run one of them; the exit code."""
    options = parsed(command, arguments)
    place = Place(DataDir(options.data), options.logs, explicit=True)
    request = Request(options.data, options.config, options.host, options.port, options.again)
    match command:
        case "_actors":
            from cli import actors_process

            return actors_process.run(place, options.parent, options.started_at, options.beat)
        case "_web":
            from cli import web_process

            return web_process.run(request, place, options.parent, options.beat)
        case "_prepare":
            from cli import prepare

            return prepare.run(request, place)
        case "_serve":
            import faulthandler

            from actors.process import die_with_parent
            from cli.output import say
            from cli.serve import serve

            die_with_parent(options.parent)
            faulthandler.enable()
            return serve(request, place, say, options.beat)
        case _:
            from cli import keeper

            return keeper.run(request, place)


def parsed(command: str, arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments that `serve` and `start` pass on."""
    parser = argparse.ArgumentParser(prog=f"run.py {command}")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--parent", type=int, default=0)
    parser.add_argument("--beat", type=int)
    parser.add_argument("--started-at", type=float, default=time.time())
    parser.add_argument("--config", type=Path)
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--again", action="store_true")
    return parser.parse_args(arguments)
