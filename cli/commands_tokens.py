"""`token create|list|revoke`: by the running server, or on the data folder when none runs."""

from typing import Annotated, Any

import typer

from cli.options import DataOption, OutputOption
from cli.output import Output

app = typer.Typer(help="API tokens; works while the server is down, too.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help="read, operate, send or admin; repeatable.")] = ["read"],  # noqa: B006
    instance: Annotated[list[str], typer.Option(help="Only for this instance; repeatable.")] = [],  # noqa: B006
    expires_in: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Valid for so long.", min=1)
    ] = None,
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token; its value is shown only now."""
    from cli.output import line, say, show
    from cli.tokens import tokens_of

    made = tokens_of(data).create(name, scope, instance or None, expires_in)

    def render() -> None:
        say("The token (shown only now, keep it):")
        line(made["value"])

    show(made, output, render)


@app.command("list")
def list_command(data: DataOption = None, output: OutputOption = Output.TABLE) -> None:
    """All tokens, never with their values."""
    from cli.output import draw, show, table
    from cli.tokens import tokens_of

    found = tokens_of(data).list()
    columns = ("id", "name", "scopes", "instances", "created", "expires")
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
