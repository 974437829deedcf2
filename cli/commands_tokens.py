"""`token create|import|list|revoke`: by the running server, or on the data folder when none runs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import DataOption, OutputOption
from cli.output import Output

app = typer.Typer(help="API tokens; works while the server is down, too.", no_args_is_help=True)


ExpiryOption = Annotated[float | None, typer.Option(metavar="SECONDS", help="Valid for so long.", min=1)]
QuotaOption = Annotated[
    int | None,
    typer.Option(help="Its quota; 0 = none. Default: limits.requests_per_minute.", min=0, max=100_000),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="read, operate, send or admin; repeatable.")] = ["read"],  # noqa: B006
    instance: Annotated[list[str], typer.Option(help="Only for this instance; repeatable.")] = [],  # noqa: B006
    expires_in: ExpiryOption = None,
    requests_per_minute: QuotaOption = None,
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token; its value is shown only now."""
    from cli.output import line, say, show
    from cli.tokens import Wanted, tokens_of

    wanted = Wanted(name, scope, instance or None, expires_in, requests_per_minute)
    made = tokens_of(data).create(wanted)

    def render() -> None:
        say("The token (shown only now, keep it):")
        line(made["value"])

    show(made, output, render)


@app.command("import")
def import_command(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    instance: Annotated[list[str], typer.Option(help="An instance it is good for; repeatable.")],
    scope: Annotated[list[str], typer.Option(help="read, operate or send; repeatable.")] = [  # noqa: B006
        "read",
        "operate",
        "send",
    ],
    file: Annotated[
        Path | None, typer.Option(help="Where its value is; without it: asked, or stdin.")
    ] = None,
    expires_in: ExpiryOption = None,
    requests_per_minute: QuotaOption = None,
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take over the value of another server's token, for chosen instances only."""
    from cli.output import line, show
    from cli.tokens import Wanted, tokens_of

    wanted = Wanted(name, scope, instance, expires_in, requests_per_minute)
    kept = tokens_of(data).take_over(wanted, value_from(file))
    show(kept, output, lambda: line(f"{kept['id']}: imported, good for {', '.join(kept['instances'])}"))


def value_from(file: Path | None) -> str:
    """A token's value from a file, the terminal (not echoed) or stdin; never an argument, which everybody sees."""
    import sys

    from cli.failure import USAGE, CommandFailed

    try:
        if file is not None and str(file) != "-":
            text = file.read_text("utf-8")
        elif sys.stdin.isatty():
            text = str(typer.prompt("The token's value", hide_input=True, err=True))
        else:
            text = sys.stdin.read()
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{file or 'stdin'} cannot be read: {error}", USAGE) from None
    if len(text.split()) != 1:
        raise CommandFailed("there must be one value, without blanks", USAGE)
    return text.strip()


@app.command("list")
def list_command(data: DataOption = None, output: OutputOption = Output.TABLE) -> None:
    """All tokens, never with their values."""
    from cli.output import draw, show, table
    from cli.tokens import tokens_of

    found = tokens_of(data).list()
    columns = ("id", "name", "scopes", "instances", "created", "expires", "per minute")
    show(found, output, lambda: draw(table(columns, [row(each) for each in found])))


def row(token: dict[str, Any]) -> tuple[Any, ...]:
    """One line of the list."""
    instances = "all" if token["instances"] is None else ", ".join(token["instances"])
    return (
        token["id"],
        token["name"],
        ", ".join(token["scopes"]),
        instances,
        token["created_at"],
        token["expires_at"],
        token["requests_per_minute"],
    )


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `token list` shows.")],
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token worthless at once."""
    from cli.output import line, show
    from cli.tokens import tokens_of

    tokens_of(data).revoke(token_id)
    show({"id": token_id, "revoked": True}, output, lambda: line(f"{token_id}: revoked"))
