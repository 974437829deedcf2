"""Commands."""

import typer


def register(app: typer.Typer) -> None:
    """Add them to the program."""
