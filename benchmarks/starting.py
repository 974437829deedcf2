"""How fast instances start: a server comes up that has many of them to bring back.

The gate's pace (15 dials a second and upstream) is lifted, for it is a promise to upstreams and no cost.
"""

from datetime import datetime
from typing import Any

import psutil

from benchmarks.report import Row, result
from benchmarks.running import Bed, bed

TICK_S = 0.01  # what the kernel counts start times in


def run(instances: int = 48) -> dict[str, Any]:
    """Processes started per second, and links opened per second, both since the first process."""
    with bed(instances) as server:
        return measure(server)


def measure(server: Bed) -> dict[str, Any]:
    """Of at least two instances that have just come up."""
    seen = server.instances()
    started_s = sorted(psutil.Process(one["pid"]).create_time() for one in seen)
    opened_s = sorted(datetime.fromisoformat(one["since"]).timestamp() for one in seen)
    rows = [
        Row("instance processes started", (len(seen) - 1) / max(TICK_S, started_s[-1] - started_s[0]), "/s"),
        Row("links opened, from the first process on", len(seen) / (opened_s[-1] - started_s[0]), "/s"),
    ]
    return result(rows, instances=len(seen))
