"""`config check|show|template`."""

from dataclasses import asdict

import typer

from cli.options import ConfigOption, HostOption, OutputOption, PortOption
from cli.output import Output

app = typer.Typer(help="Check and show the settings.", no_args_is_help=True)


@app.command()
def check(
    config: ConfigOption = None,
    host: HostOption = None,
    port: PortOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check file and environment; exit 1 naming everything that is wrong."""
    from cli.output import line, say, show
    from cli.request import Request
    from cli.settings import WrongSettings, checked_file, load_settings

    file, problems = checked_file(config), []
    name = file or "the defaults and the environment (there is no settings file)"
    try:
        load_settings(config, Request(None, config, host, port).options)
    except WrongSettings as error:
        problems = [{"place": place, "problem": text} for place, text in error.problems]
    if output is Output.TABLE and problems:
        say(f"{name}: {len(problems)} wrong")
        for each in problems:
            say(f"{each['place']}: {each['problem']}")
    else:
        found = {"ok": not problems, "file": file, "problems": problems}
        show(found, output, lambda: line(f"{name}: the settings are fine."))
    raise typer.Exit(1 if problems else 0)


@app.command("show")
def show_command(
    config: ConfigOption = None,
    host: HostOption = None,
    port: PortOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the settings that hold; those that differ from the default are marked with *."""
    from cli.output import draw, show, table
    from cli.request import Request
    from cli.settings_report import load_or_fail, rows

    settings = load_or_fail(Request(None, config, host, port))
    columns = ("", "knob", "value", "allowed", "meaning")
    show(asdict(settings), output, lambda: draw(table(columns, rows(settings))))


@app.command()
def template() -> None:
    """Print conf/sambung.toml: every knob with its default and its meaning."""
    from cli.settings_file import template as text

    typer.echo(text(), nl=False)
