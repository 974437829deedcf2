"""`GET /health` while every instance flaps, against the same server at rest, in turns.

Requests come at a fixed pace, so that one that waits behind others counts its waiting. The links flap every two
seconds, with short retries: far more goes on than in any outage under the default settings.
"""

import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from benchmarks.paced import Paced, quantile_ms
from benchmarks.report import Row, result
from benchmarks.running import SETTINGS, Bed, bed

RATE_PER_S = 50.0
FLAPS = {"on_s": 1.0, "off_s": 1.0, "counted": True}
CALM_S = 3.0
QUICK_RETRIES = f"""\
{SETTINGS}
[retry]
delay_s = 0.2
timeout_delay_s = 0.2
step_s = 0.1
max_s = 0.5
fast_first_s = 0.5
stable_after_s = 1
[breaker]
failure_threshold = 10000
"""


def run(instances: int = 50, turns: int = 4, turn_s: float = 6.0) -> dict[str, Any]:
    """p50 and p99 of both."""
    with bed(instances, QUICK_RETRIES) as server:
        return measure(server, turns, turn_s)


def measure(server: Bed, turns: int, turn_s: float) -> dict[str, Any]:
    """The links of a server that retries quickly."""
    names = [one["id"] for one in server.instances()]
    port = urlsplit(server.client.url).port or 0
    taken: dict[str, Counter[int]] = {"quiet": Counter(), "flapping": Counter()}
    failed, opened = 0, server.upstream.totals().opened
    for _ in range(turns):
        server.wait_open(len(names))
        time.sleep(CALM_S)
        failed += asked(port, server.token, turn_s, taken["quiet"])
        # Each by itself: were it the whole upstream, the gate would hold everybody but a canary.
        for name in names:
            server.upstream.set_fault("flapping", instance=name, **FLAPS)
        failed += asked(port, server.token, turn_s, taken["flapping"])
        for name in names:
            server.upstream.clear_fault(name)
    opened = server.upstream.totals().opened - opened
    return shown(taken, len(names), opened=opened, failed=failed)


def asked(port: int, token: str, for_s: float, histogram: Counter[int]) -> int:
    """Ask at the pace for so long; how many requests failed."""
    paced = Paced(port, token, ["/health"], RATE_PER_S, connections=4)
    paced.run(for_s)
    paced.close()
    histogram += paced.histogram
    return paced.failed


def shown(taken: dict[str, Counter[int]], instances: int, **details: Any) -> dict[str, Any]:
    rows = [
        Row(
            f"GET /health while {instances} instances flap, {name}, against the quiet one",
            quantile_ms(taken["flapping"], share),
            "ms",
            quantile_ms(taken["quiet"], share),
        )
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]
    return result(rows, **details)
