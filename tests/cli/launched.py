"""A launcher with fake children, run as a process of its own. Arguments: a folder, then NAME=SCRIPT per child.

Each child appends its pid to FOLDER/NAME.pids when it starts. FOLDER/ready appears when the launcher is ready.
"""

import logging
import os
import sys
from pathlib import Path

from cli.child import Child
from cli.launcher import Launcher
from cli.notify import Manager

FAKES = Path(__file__).with_name("fakes.py")


def main() -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    folder = Path(sys.argv[1])
    specs = dict(argument.split("=", 1) for argument in sys.argv[2:])

    def command(name: str, script: str) -> list[str]:
        return [sys.executable, str(FAKES), script, str(folder / f"{name}.pids"), str(os.getpid())]

    def on_ready() -> bool:
        if (folder / "no-room").exists():
            return False
        (folder / "ready").touch()
        return True

    children = [Child(name, command(name, script)) for name, script in specs.items()]
    return Launcher(
        children,
        is_ready=lambda: (
            not (folder / "never-ready").exists()
            and all((folder / f"{name}.pids").exists() for name in specs)
        ),
        on_ready=on_ready,
        manager=Manager.taken_from(os.environ),
    ).run()


if __name__ == "__main__":
    sys.exit(main())
