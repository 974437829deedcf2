"""What `serve` says: the address, who can reach it, where things are; and the admin token, once."""

import sys
from pathlib import Path
from typing import IO

from cli.folder import Listening, Place
from store.files import write_atomic


def banner(place: Place, listening: Listening, version: str) -> str:
    """The text shown when the server is ready."""
    lines = [
        f"Sambung {version} is ready: {listening.url}",
        f"  {listening.reach}",
        f"  health      curl -s {listening.url}/health",
        "  instances   python3 run.py instances add NAME --url wss://…",
        f"  data        {place.data.root}",
        f"  logs        {place.logs}",
    ]
    if listening.warning:
        lines.append(f"  WARNING     {listening.warning}")
    return "\n".join(lines)


def hand_over_token(value: str, path: Path, terminal: IO[str] = sys.stdout) -> str:
    """What to say about a new admin token: the value itself on a terminal, else the 0600 file it was written to."""
    if terminal.isatty():
        return f"Admin token (shown only now, keep it): {value}"
    write_atomic(path, f"{value}\n".encode())
    return f"The admin token is in {path}"
