"""`start`, `stop`, `restart`, `status`, `logs`: the server in the background."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import ConfigOption, DataOption, HostOption, OutputOption, PortOption
from cli.output import Output

WATCH_S = 2.0


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (start, stop, restart, status, logs):
        app.command()(command)


def start(
    host: HostOption = None,
    port: PortOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Start the server in the background. Waits until it is ready."""
    from cli import service
    from cli.output import say
    from cli.request import Request

    request = Request(data, config, host, port)
    service.start(request, request.place, say)
    _started(data, output)


def restart(
    host: HostOption = None,
    port: PortOption = None,
    data: DataOption = None,
    config: ConfigOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Replace every process of the server. What isn't given stays as it was at the last start."""
    from cli import service
    from cli.output import say
    from cli.request import Request

    request = Request(data, config, host, port)
    service.restart(request, request.place, say)
    _started(data, output)


def _started(data: Path | None, output: Output) -> None:
    from cli.folder import Place
    from cli.output import draw, show
    from cli.status_view import collect, render

    status = collect(Place.choose(data))
    show(status, output, lambda: draw(*render(status)))


def stop(data: DataOption = None, output: OutputOption = Output.TABLE) -> None:
    """Stop the server with all its processes. Exit 3 when none runs."""
    from cli import service
    from cli.folder import Place
    from cli.output import line, show

    service.stop(Place.choose(data))
    show({"stopped": True}, output, lambda: line("The server has stopped."))


def status(
    data: DataOption = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again every two seconds until Ctrl-C.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show address, health and instances. Exit 3 when no server runs."""
    import time

    from cli.folder import Place
    from cli.output import clear, draw, show
    from cli.status_view import collect, render

    place = Place.choose(data)
    while True:
        found = collect(place)
        if watch:
            clear()
        show(found, output, lambda found=found: draw(*render(found)))  # type: ignore[misc]
        if not watch:
            return
        time.sleep(WATCH_S)


def logs(
    instance: Annotated[
        str | None, typer.Argument(metavar="[INSTANCE]", help="Only lines of this instance.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is appended.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many lines to begin with.")] = 50,
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the end of the log. With -o json: of events.jsonl."""
    from cli.folder import Place
    from cli.logs_view import about, check_known, followed, last_lines, log_file
    from cli.output import line

    place, as_json = Place.choose(data), output is Output.JSON
    path, wanted = log_file(place, as_json, follow), about(instance, as_json)
    if instance is not None and not last_lines(path, 1, wanted):
        check_known(place, instance)
    for each in last_lines(path, lines, wanted):
        line(each)
    if follow:
        for each in followed(path, wanted, stop=lambda: False):
            line(each)
