"""Code in a process of its own: what it does to the interpreter's memory stays there."""

import subprocess
import sys
import textwrap
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]


def run(code: str) -> str:
    """What it printed; CalledProcessError when it failed."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
