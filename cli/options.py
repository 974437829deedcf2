"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import Output

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Data folder; logs go to DIR/logs. Default: ./data and ./logs."
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file. Default: conf/sambung.toml.")
]
HostOption = Annotated[
    str | None, typer.Option("--host", help="Address to listen on; wins over http.host of the settings.")
]
PortOption = Annotated[
    int | None, typer.Option("--port", help="Port to listen on; wins over http.port of the settings.")
]
OutputOption = Annotated[Output, typer.Option("--output", "-o", help="How to print the result.")]
InstanceArgument = Annotated[str, typer.Argument(metavar="INSTANCE", help="The instance's id.")]
