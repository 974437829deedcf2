"""`instances add|list|show|connect|disconnect|restart|force-retry|reset-breaker|remove`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import DataOption, InstanceArgument, OutputOption
from cli.output import Output

app = typer.Typer(help="Make, see and command instances of the running server.", no_args_is_help=True)

V1 = "/api/v1/instances"


def call(data: Path | None, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One request to the running server."""
    from cli.client import Client
    from cli.folder import Place

    return Client.of(Place.choose(data)).call(method, path, body)


def one(instance_id: str, action: str = "") -> str:
    """The path of an instance, or of an action on it."""
    from urllib.parse import quote

    from core.instances import ID_RULE, valid_id

    if not valid_id(instance_id):
        raise typer.BadParameter(f"{instance_id!r} {ID_RULE}", param_hint="INSTANCE")
    return f"{V1}/{quote(instance_id, safe='')}{action}"


@app.command()
def add(
    instance: InstanceArgument,
    url: Annotated[str, typer.Option(help="ws:// or wss:// address of the upstream.")] = "",
    link: Annotated[str, typer.Option(help="Kind of link.")] = "websocket",
    payload: Annotated[str, typer.Option(help="text, json, msgpack or binary.")] = "json",
    header: Annotated[list[str], typer.Option(help="'Name: value' of the upgrade request; repeatable.")] = [],  # noqa: B006
    subprotocol: Annotated[list[str], typer.Option(help="Offered subprotocol; repeatable.")] = [],  # noqa: B006
    hello: Annotated[list[str], typer.Option(help="Message sent on opening; repeatable.")] = [],  # noqa: B006
    proxy: Annotated[
        str | None, typer.Option(help="http://, socks5:// or socks4a://[user:password@]host:port")
    ] = None,
    ca_file: Annotated[str | None, typer.Option(help="PEM file of the upstream's authority.")] = None,
    ack_field: Annotated[
        str | None, typer.Option(help="Field whose value is acknowledged to the upstream.")
    ] = None,
    knob: Annotated[
        list[str],
        typer.Option("--set", metavar="SECTION.KNOB=VALUE", help="Setting of this instance; repeatable."),
    ] = [],  # noqa: B006
    file: Annotated[
        Path | None, typer.Option(help="JSON body with everything else, - = stdin; options win.")
    ] = None,
    disconnected: Annotated[
        bool, typer.Option("--disconnected", help="Only make it, don't connect.")
    ] = False,
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make an instance and connect it."""
    from cli import instance_body

    given = {
        "url": url,
        "proxy": proxy,
        "ca_file": ca_file,
        "ack_field": ack_field,
        "headers": instance_body.headers(header),
        "subprotocols": subprotocol,
        "hello": instance_body.messages(hello, payload),
        "overrides": instance_body.overrides(knob),
        "desired": "disconnected" if disconnected else None,
    }
    body = {"link": link, "payload": payload} | (instance_body.body_from_file(file) if file else {})
    body |= {name: value for name, value in given.items() if value}
    answer = call(data, "POST", V1, body | {"id": instance})
    show_instance(answer["data"], output)


@app.command("list")
def list_command(data: DataOption = None, output: OutputOption = Output.TABLE) -> None:
    """All instances."""
    from cli.client import Client
    from cli.folder import Place
    from cli.output import draw, line, show
    from cli.status_view import instances_table

    found = Client.of(Place.choose(data)).all_pages(V1)
    show(found, output, lambda: draw(instances_table(found)) if found else line("There is no instance yet."))


@app.command()
def show(instance: InstanceArgument, data: DataOption = None, output: OutputOption = Output.TABLE) -> None:
    """Everything about one instance, with its latest timeline."""
    found = call(data, "GET", one(instance))["data"]
    timeline = call(data, "GET", one(instance, "/timeline?limit=10"))["data"]
    show_instance(found | {"timeline": timeline}, output)


def show_instance(found: dict[str, Any], output: Output) -> None:
    """One instance: fields, and its timeline when it is there."""
    from cli.instance_view import render
    from cli.output import draw
    from cli.output import show as show_result

    show_result(found, output, lambda: draw(*render(found)))


def action(name: str, path: str, what: str) -> Callable[..., None]:
    """A command that posts to one path of an instance and shows the answer."""

    def command(
        instance: InstanceArgument, data: DataOption = None, output: OutputOption = Output.TABLE
    ) -> None:
        from cli.output import line, show

        answer = call(data, "POST", one(instance, path))
        show(
            answer.get("data", answer), output, lambda: line(f"{instance}: {answer.get('message') or 'done'}")
        )

    command.__doc__ = what
    app.command(name)(command)
    return command


action("connect", "/connect", "Want the instance connected.")
action("disconnect", "/disconnect", "Want the instance disconnected; it stays disconnected across restarts.")
action("restart", "/restart", "Replace the instance's process; clears a quarantine.")
action("force-retry", "/force-retry", "Dial now: clears breaker and backoff.")
action("reset-breaker", "/reset-circuit-breaker", "Clear failures and attempts and close the breaker.")


def confirmed(question: str) -> bool:
    """Ask on the terminal; without one the answer has to be given as --yes."""
    import sys

    from cli.failure import USAGE, CommandFailed

    if not sys.stdin.isatty():
        raise CommandFailed(f"{question} Say so with --yes.", USAGE)
    return typer.confirm(question, err=True)


@app.command()
def remove(
    instance: InstanceArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Remove an instance with everything stored for it."""
    from cli.output import line
    from cli.output import show as show_result

    if not yes and not confirmed(f"Remove {instance} with everything stored for it?"):
        raise typer.Exit(1)
    answer = call(data, "DELETE", one(instance))
    show_result(answer, output, lambda: line(f"{instance}: removed"))
