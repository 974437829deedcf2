"""Results on stdout: a table for people, JSON for programs. Messages and errors go to stderr."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any


class Output(Enum):
    """`table`: for people; `json`: for programs, on stdout and nothing else there."""

    TABLE = "table"
    JSON = "json"


def add_output(parser: ArgumentParser) -> None:
    """`-o table|json` for the programs beside the command line, as its commands have it."""
    parser.add_argument(
        *("-o", "--output"),
        choices=[one.value for one in Output],
        default=Output.TABLE.value,
        help="how to print the result (table)",
    )


def say(text: str) -> None:
    """A message beside the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def line(text: str) -> None:
    """A line of the result; it is out when this returns."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show(value: Any, output: Output, render: Callable[[], None]) -> None:
    """The result: as JSON, or drawn by `render`."""
    if output is Output.JSON:
        line(json.dumps(value, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False))
    else:
        render()


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> Any:
    """A rich table; None becomes an empty cell."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        # Text, not markup: ids and reasons may hold brackets.
        made.add_row(
            *(cell if isinstance(cell, Text) else Text("" if cell is None else str(cell)) for cell in row)
        )
    return made


def draw(*things: Any) -> None:
    """Print rich renderables; plain and wide when stdout is no terminal, so that lines can be cut and grepped."""
    from rich.console import Console

    console = Console() if sys.stdout.isatty() else Console(width=200, no_color=True)
    for thing in things:
        console.print(thing)


def clear() -> None:
    """Empty the terminal; nothing when stdout is none."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console().clear()
