"""`events`: the journal, as pages or followed live."""

from typing import Annotated, Any

import typer

from cli.options import DataOption, OutputOption
from cli.output import Output

RETRY_S = 2.0


def events(
    instance: Annotated[
        str | None, typer.Option(help="Only of these instances, separated by commas.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Only of these kinds, separated by commas.")] = None,
    after: Annotated[str | None, typer.Option(metavar="ID", help="Only behind this event.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens.")] = False,
    data: DataOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show events of instances, oldest first. -o json: one object per line."""
    from cli.client import Client
    from cli.event_feed import follow_events
    from cli.folder import Place

    place, filters = Place.choose(data), {"instance": instance, "kind": kind}
    client = Client.of(place)
    if follow:
        for event in follow_events(lambda: Client.of(place, timeout_s=60.0), filters, after, RETRY_S):
            show_event(event, output)
        return
    for event in client.call("GET", "/api/v1/events", query=filters | {"after": after, "limit": limit})[
        "data"
    ]:
        show_event(event, output)


def show_event(event: dict[str, Any], output: Output) -> None:
    """One line."""
    import json

    from cli.output import line

    text = json.dumps(event["data"], ensure_ascii=False)
    if output is Output.JSON:
        line(json.dumps(event, ensure_ascii=False))
    else:
        line(f"{event['at']} [{event['instance_id']}] {event['kind']} {text}")
