"""The loads that a server on two cores has to hold, for as long as one likes: `python3 run.py soak --load`.

All instances connected; 300 authenticated requests a second, 50 inbound messages a second; at the end the upstream
restarts, and all come back. Source: docs/reliability.md, "Load to hold".
"""

import contextlib
import queue
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.paced import quantile_ms
from benchmarks.report import Row, Rule, Target, result
from cli.output import say
from core.config import Settings
from soak.bed import Bed, made
from soak.loading import reader, requests

MESSAGES_PER_S = 50.0
SAMPLE_S = 30.0
WEIGHED = 20
REST_S = 30.0
OUTAGE_S = 20.0
BACK_S = 300.0
MIB = 2**20

AT_MOST = Rule.AT_MOST


@dataclass(slots=True)
class Found:
    """`samples`: seconds since the load began, and the median private MiB of an instance then. `lags_s`: of messages,
    from the upstream's send to the reader of the event stream."""

    histogram: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    worst_window_ms: float = 0.0
    lags_s: list[float] = field(default_factory=list)
    samples: list[tuple[float, float]] = field(default_factory=list)
    lasted_s: float = 0.0
    rest_share: float = 0.0
    load_share: float = 0.0


def loaded(instances: int, seconds: float) -> dict[str, Any]:
    """The figures of one run, in the form of a benchmark."""
    say(f"starting {instances} instances …")
    begun_s = time.monotonic()
    with made(instances, direct=True) as bed:
        up_s = time.monotonic() - begun_s
        found = Found()
        time.sleep(5.0)
        found.rest_share = share_of_machine(bed, REST_S)
        say(f"all open after {up_s:.0f} s; at rest {found.rest_share:.1%} of the machine; the load begins")
        with reader(bed, found.lags_s), requests(bed) as windows:
            push = bed.upstream.push(rate_per_s=MESSAGES_PER_S / instances, duration_s=seconds)
            hold(bed, found, windows, seconds)
            push.stop()
        back = restarted(bed)
    return shown(instances, up_s, found, back)


def hold(bed: Bed, found: Found, windows: "queue.SimpleQueue[dict[str, Any]]", seconds: float) -> None:
    """Keep the load up, and look at what it costs."""
    begun_s, cpu_s = time.monotonic(), processor_s(bed)
    while (passed_s := time.monotonic() - begun_s) < seconds:
        found.samples.append((passed_s, median_mib(bed)))
        time.sleep(max(0.0, min(SAMPLE_S, seconds - passed_s)))
        with contextlib.suppress(queue.Empty):
            while True:
                take(found, windows.get_nowait())
    found.lasted_s = time.monotonic() - begun_s
    found.load_share = (processor_s(bed) - cpu_s) / found.lasted_s / (psutil.cpu_count() or 1)


def take(found: Found, window: dict[str, Any]) -> None:
    histogram = Counter({int(tenths): answers for tenths, answers in window["histogram"].items()})
    found.histogram += histogram
    found.failed += window["failed"]
    found.worst_window_ms = max(found.worst_window_ms, quantile_ms(histogram, 0.99))


def restarted(bed: Bed) -> tuple[float, int]:
    """The upstream is gone for a while: seconds until all are back after it, and the most dials in a second."""
    say("the upstream restarts …")
    bed.upstream.set_fault("refuse", counted=True, drop_open=True)
    time.sleep(OUTAGE_S)
    bed.upstream.reset_stats()
    bed.upstream.clear_fault()
    begun_s = time.monotonic()
    count = len(bed.ids)
    bed.upstream.wait_totals(lambda seen: seen.sessions_now >= count, BACK_S)
    return time.monotonic() - begun_s, bed.upstream.totals().dials_per_s_max


def shown(instances: int, up_s: float, found: Found, back: tuple[float, int]) -> dict[str, Any]:
    answers = found.histogram.total()
    ideal_s = instances / Settings().gate.connect_rate
    rows = [
        Row(
            "private memory of an instance, median", found.samples[-1][1], "MiB", target=Target(AT_MOST, 8.0)
        ),
        Row("its growth", slope_per_hour(found.samples), "MiB/h", target=Target(AT_MOST, 1.0)),
        Row("processors at rest, of the machine", found.rest_share * 100, "%", target=Target(AT_MOST, 25.0)),
        Row("processors under load, of the machine", found.load_share * 100, "%"),
        Row(
            "authenticated requests answered",
            answers / found.lasted_s,
            "/s",
            target=Target(Rule.AT_LEAST, 295.0),
        ),
        Row("requests that failed", found.failed, "", target=Target(AT_MOST, 0)),
        Row("request, p50", quantile_ms(found.histogram, 0.5), "ms"),
        Row("request, p99", quantile_ms(found.histogram, 0.99), "ms", target=Target(AT_MOST, 50.0)),
        Row("message to the event stream, p50", statistics.median(found.lags_s) * 1000, "ms"),
        Row(
            "message to the event stream, p99",
            p99_s(found.lags_s) * 1000,
            "ms",
            target=Target(AT_MOST, 500.0),
        ),
        Row(
            "all back after an upstream restart",
            back[0],
            "s",
            target=Target(AT_MOST, max(30.0, 1.2 * ideal_s + 10)),
        ),
        Row(
            "most dials in a second after it",
            back[1],
            "",
            target=Target(AT_MOST, Settings().gate.connect_rate + 1),
        ),
    ]
    details = {
        "worst_10_s_p99_ms": found.worst_window_ms,
        "memory": found.samples,
        "messages": len(found.lags_s),
    }
    return result(rows, instances=instances, up_s=round(up_s, 1), lasted_s=round(found.lasted_s), **details)


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def median_mib(bed: Bed) -> float:
    """Private memory (USS) of some instances' processes: reading that of all would be a load of its own."""
    found, chosen = [], {f"instance {name}" for name in bed.ids[:WEIGHED]}
    for part, process in bed.processes().items():
        if part in chosen:
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(process.pid).memory_full_info().uss / MIB)
    return statistics.median(found)


def processor_s(bed: Bed) -> float:
    """Processor time of all its processes so far."""
    used = 0.0
    for process in bed.processes().values():
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(process.pid).cpu_times()
            used += times.user + times.system
    return used


def share_of_machine(bed: Bed, for_s: float) -> float:
    """What the server takes of all processors, 0..1."""
    before_s, begun_s = processor_s(bed), time.monotonic()
    time.sleep(for_s)
    return (processor_s(bed) - before_s) / (time.monotonic() - begun_s) / (psutil.cpu_count() or 1)


def slope_per_hour(samples: Sequence[tuple[float, float]]) -> float:
    """MiB per hour over the second half: in the first one processes touch their pages for the first time."""
    late = samples[len(samples) // 2 :]
    if len(late) < 2:
        return 0.0
    times_s, mib = zip(*late, strict=True)
    return statistics.linear_regression(times_s, mib).slope * 3600


def p99_s(times_s: Sequence[float]) -> float:
    return statistics.quantiles(times_s, n=100)[98]
