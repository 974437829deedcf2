"""`python3 run.py soak [--minutes N] [--seed S] [--instances N] [--load] [-o table|json] [--write FILE]`.

Exit 0 when every invariant held; with --load when everything could be measured, whether or not targets were met.
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.__main__ import drawn
from cli.failure import CommandFailed
from cli.output import Output, add_output, draw, say, show
from core.config import Settings
from simulator.client import SimulatorError
from soak import bed, summary
from soak.ending import settle
from soak.load import loaded
from soak.soaking import Soak

INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    asked = parsed(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it: in order
    try:
        if asked.load:
            found = loaded(asked.instances or 200, asked.minutes * 60)
        else:
            found = soaked(asked.instances or 50, asked.minutes * 60, asked.seed)
    except (CommandFailed, SimulatorError, OSError, TimeoutError) as error:
        say(f"the soak could not be done: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped; there is no summary")
        return INTERRUPTED
    show(
        found,
        Output(asked.output),
        lambda: draw(drawn({"load": found})) if asked.load else summary.shown(found),
    )
    if asked.write is not None:
        asked.write.parent.mkdir(parents=True, exist_ok=True)
        asked.write.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if asked.load or found["held"] else 1


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py soak", description="Random faults; every invariant watched."
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="how long faults happen (10)")
    parser.add_argument("--seed", type=int, default=1, help="the same faults in the same order (1)")
    parser.add_argument("--instances", type=int, help="how many (50, with --load 200)")
    parser.add_argument("--load", action="store_true", help="hold the load of docs/reliability.md instead")
    add_output(parser)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the summary as JSON, too")
    asked = parser.parse_args(arguments)
    if asked.minutes <= 0 or (asked.instances or 4) < 4:
        parser.error("--minutes must be positive, --instances at least 4")
    return asked


def soaked(
    instances: int, seconds: float, seed: int, settings: str = "", stable_s: float | None = None
) -> dict[str, Any]:
    """The summary of one soak. `settings`: of a TOML file; `stable_s`: retry.stable_after_s there."""
    say(f"starting {instances} instances …")
    with bed.made(instances, settings) as made:
        soak = Soak(made, seed, Settings().retry.stable_after_s if stable_s is None else stable_s)
        soak.run(seconds)
        return summary.summary(soak, settle(soak), seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
