"""`cleanup show|run|delete`: what the periodic sweep found, a sweep now, session files without instance."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.options import DataOption, OutputOption
from cli.output import Output

app = typer.Typer(help="The periodic sweep of the running server.", no_args_is_help=True)

V1 = "/api/v1/cleanup"
# A sweep ends by itself after this; the rest is for the way back to the web process.
SWEEP_S = 65.0
LOOK_S = 0.2


@app.command()
def show(data: DataOption = None, output: OutputOption = Output.TABLE) -> None:
    """What the last sweep found, and all since the start."""
    from cli.client import Client
    from cli.folder import Place

    render(Client.of(Place.choose(data)).call("GET", V1)["data"], output)


@app.command()
def run(data: DataOption = None, output: OutputOption = Output.TABLE) -> None:
    """Sweep now and show what was found."""
    import time

    from cli.client import Client
    from cli.failure import CommandFailed
    from cli.folder import Place

    client = Client.of(Place.choose(data))
    before = when(client.call("GET", V1)["data"])
    client.call("POST", V1)
    deadline_s = time.monotonic() + SWEEP_S
    while when(found := client.call("GET", V1)["data"]) == before:
        if time.monotonic() > deadline_s:
            raise CommandFailed("the sweep has not ended; see: python3 run.py logs")
        time.sleep(LOOK_S)
    render(found, output)


@app.command()
def delete(
    session: Annotated[str, typer.Argument(metavar="NAME", help="A session file that `show` lists.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Delete the session file of an instance that is not configured any more."""
    from urllib.parse import quote

    from cli.client import Client
    from cli.commands_instances import confirmed
    from cli.folder import Place
    from cli.output import line
    from cli.output import show as show_result

    if not yes and not confirmed(f"Delete the session file of {session} with its credentials and messages?"):
        raise typer.Exit(1)
    path = f"{V1}/sessions/{quote(session, safe='')}"
    answer = Client.of(Place.choose(data)).call("DELETE", path)
    show_result(answer["data"], output, lambda: line(f"{session}: deleted"))


def when(found: Mapping[str, Any]) -> str | None:
    """The time of the last sweep."""
    last = found["last"]
    return None if last is None else str(last["at"])


def render(found: Mapping[str, Any], output: Output) -> None:
    from cli.output import draw, line
    from cli.output import show as show_result

    def people() -> None:
        last = found["last"]
        if last is None:
            return line("No sweep yet since the start.")
        return draw(*parts(last, found["total"]))

    show_result(found, output, people)


def parts(last: Mapping[str, Any], total: Mapping[str, Any]) -> list[Any]:
    """The last sweep, for people."""
    from cli.output import table
    from cli.status_view import duration, seconds

    age = duration(last["age_s"])
    rows = [(name.replace("_", " "), count, total[name]) for name, count in last["caught"].items()]
    shown: list[Any] = [
        f"Last sweep: {age} ago, took {seconds(last['duration_s'])}",
        table(("caught", "last", "since the start"), rows),
    ]
    if last["orphan_count"]:
        names = ", ".join(last["orphaned_sessions"])
        more = last["orphan_count"] - len(last["orphaned_sessions"])
        shown.append(f"Session files without instance, kept: {names}" + (f" and {more} more" if more else ""))
    return shown + [f"Failed: {problem}" for problem in last["problems"]]
