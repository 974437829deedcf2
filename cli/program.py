"""Every command with its options. Bodies import what they need when they run, so that `--help` stays quick."""

from pathlib import Path
from typing import Annotated

import typer

from cli import (
    commands_cleanup,
    commands_config,
    commands_developer,
    commands_events,
    commands_instances,
    commands_service,
    commands_tokens,
)
from cli.failure import USAGE, CommandFailed, wants_json
from cli.options import ConfigOption, DataOption, HostOption, PortOption

GLOBAL = ("--help", "-h", "--version", "--install-completion", "--show-completion")

app = typer.Typer(
    name="run.py",
    help="Sambung keeps WebSocket sessions connected. Without a command: serve.",
    epilog="Exit codes: 0 ok, 1 failed, 2 wrong use, 3 the server isn't running.",
    no_args_is_help=False,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def show_version(wanted: bool) -> None:
    if wanted:
        from cli.version import VERSION

        typer.echo(f"sambung {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Show it.")
    ] = False,
) -> None:
    """Sambung keeps WebSocket sessions connected. Without a command: serve."""


@app.command()
def serve(
    host: HostOption = None, port: PortOption = None, data: DataOption = None, config: ConfigOption = None
) -> None:
    """Run the server in the foreground until Ctrl-C."""
    from cli.output import say
    from cli.request import Request
    from cli.serve import serve as run

    request = Request(data, config, host, port)
    raise typer.Exit(run(request, request.place, say))


@app.command()
def demo(
    host: HostOption = None,
    port: PortOption = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", help="Data folder, kept. Default: a temporary one, removed at the end."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="Settings file. Default: the demo's own, with short times."
        ),
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Admin token of the demo's server. Default: a random one.")
    ] = None,
    seconds: Annotated[
        int | None, typer.Option(min=1, help="End after this time; exit 0 only if everything was seen.")
    ] = None,
) -> None:
    """See instances connect, break, trip and recover. Needs nothing else: it brings a simulator along."""
    from cli.demo import run
    from cli.request import Request

    raise typer.Exit(run(Request(data, config, host, port), token, seconds))


commands_service.register(app)
app.add_typer(commands_instances.app, name="instances")
app.add_typer(commands_tokens.app, name="token")
app.add_typer(commands_config.app, name="config")
app.add_typer(commands_cleanup.app, name="cleanup")
app.command()(commands_events.events)
commands_developer.register(app)


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code, unless SystemExit carries it."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in GLOBAL):
        arguments = ["serve", *arguments]
    if wants_json(arguments):
        return _run_for_programs(arguments)
    app(args=arguments, prog_name="run.py")
    return 0


def _run_for_programs(arguments: list[str]) -> int:
    """The same, but wrong use is raised as CommandFailed: Typer would tell it in words."""
    try:
        code = app(args=arguments, prog_name="run.py", standalone_mode=False)
    except typer.Abort:
        raise CommandFailed("aborted") from None
    except Exception as error:
        said = getattr(error, "format_message", None)  # Typer's own kind has no public name
        if said is None:
            raise
        raise CommandFailed(said(), USAGE) from None
    return code if isinstance(code, int) else 0
