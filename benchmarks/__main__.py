"""`python3 run.py bench [NAME…] [-o table|json] [--write FILE] [--quick]`: measure, print, write JSON."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from cli.failure import CommandFailed
from cli.output import Output, add_output, draw, say, show, table
from cli.version import VERSION
from simulator.client import SimulatorError

# In the order of the table; the second is what makes each as short as it can be.
QUICK: dict[str, dict[str, Any]] = {
    "memory": {"instances": 3, "messages": 2},
    "starting": {"instances": 3},
    "reading": {"instances": 1, "turns": 1, "turn_s": 0.3, "connections": 2},
    "commands": {"instances": 1, "turns": 1, "asks_per_turn": 5},
    "wire": {"turns": 1, "asks_per_turn": 20},
    "streaming": {"instances": 2, "count": 3},
    "flapping": {"instances": 2, "turns": 1, "turn_s": 1.0},
    "neighbours": {"instances": 2, "turns": 1, "count": 5},
    "recovery": {"counts": (20,), "turns": 1},
    "protocol": {"turns": 1, "divisor": 50},
}
RESULTS = Path(__file__).parent / "results"


def main(arguments: Sequence[str]) -> int:
    """0 when everything could be measured, whether or not the targets were met; 1 otherwise."""
    asked = parsed(arguments)
    for name in [name for name in os.environ if name.startswith("SAMBUNG_") and "__" in name]:
        del os.environ[name]  # measured is what is delivered, not what this shell is set to
    done = {name: measured(name, asked.quick) for name in asked.names or QUICK}
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": VERSION,
        "quick": asked.quick,
        "machine": machine(),
        "benchmarks": done,
    }
    write(asked.write or RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.json", report)
    show(report, Output(asked.output), lambda: draw(drawn(done)))
    return 1 if any("error" in one for one in done.values()) else 0


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py bench", description="Measure, side by side with a reference."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of: {', '.join(QUICK)}")
    add_output(parser)
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="the JSON file, else in benchmarks/results"
    )
    parser.add_argument("--quick", action="store_true", help="see that it works; the figures mean nothing")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in QUICK]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are: {', '.join(QUICK)}")
    return asked


def measured(name: str, quick: bool) -> dict[str, Any]:
    """The result of one; what keeps one from being measured does not stop the others."""
    say(f"measuring {name} …")
    begun_s = time.monotonic()
    run = import_module(f"benchmarks.{name}").run
    try:
        found: dict[str, Any] = run(**(QUICK[name] if quick else {}))
    except (CommandFailed, SimulatorError, OSError, RuntimeError) as error:
        say(f"{name} could not be measured: {error}")
        found = {"rows": [], "met": None, "details": {}, "error": f"{type(error).__name__}: {error}"}
    return found | {"took_s": round(time.monotonic() - begun_s, 1)}


def machine() -> dict[str, Any]:
    """What the figures depend on. `load`: of the last minute, by others too."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def write(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    say(f"written: {path}")


def drawn(done: dict[str, dict[str, Any]]) -> Any:
    rows = [cells(row) for one in done.values() for row in one["rows"]]
    return table(("what", "figure", "reference", "ratio", "target", "met"), rows)


def cells(row: dict[str, Any]) -> tuple[str | None, ...]:
    verdict = {True: "yes", False: "NO", None: None}[row["met"]]
    reference = None if row["reference"] is None else f"{row['reference']:g} {row['unit']}"
    ratio = None if row["ratio"] is None else f"{row['ratio']:.2f}"
    return row["what"], f"{row['figure']:g} {row['unit']}", reference, ratio, row["target"], verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
