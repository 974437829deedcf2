"""What is done to a server or to its upstream so that a fault happens. Each gives back how to end it."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from cli.processes import descendants
from simulator.malformed import VARIANTS
from soak.bed import Bed

Lift = Callable[[], None]
Act = Callable[[Bed, Sequence[str], random.Random], Lift]


def nothing() -> None:
    """It is over already."""


# ── at the upstream ──────────────────────────────────────────────────────────────────────────────────────────────


def fault(kind: str, **parameters: Any) -> Act:
    """A fault of the simulator's for these instances, also for their open connections."""

    def act(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
        for name in names:
            bed.upstream.set_fault(kind, instance=name, **parameters)
        return lambda: heal(bed, names)

    return act


def heal(bed: Bed, names: Sequence[str]) -> None:
    for name in names:
        bed.upstream.clear_fault(name)


def meeting(kind: str, **parameters: Any) -> Act:
    """The connections end, and the dials that follow meet the fault."""

    def act(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
        lift = fault(kind, **parameters)(bed, names, draw)
        bed.upstream.drop("reset", instances=names)
        return lift

    return act


refuse = fault("refuse", counted=True, drop_open=True)
flap = fault("flapping", on_s=5.0, off_s=5.0, counted=True)


def malformed(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    return fault("malformed", variant=draw.choice(sorted(VARIANTS)))(bed, names, draw)


def drop(how: str) -> Act:
    """End the connections once."""

    def act(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
        bed.upstream.drop(how, instances=names)
        return nothing

    return act


def park(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    """The upstream answers 404: the links park, and come back when the operator forces them."""
    heal_these = meeting("http", status=404)(bed, names, draw)

    def lift() -> None:
        heal_these()
        for name in names:
            bed.client.call("POST", f"/api/v1/instances/{name}/force-retry")

    return lift


def outage(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    bed.upstream.set_fault("refuse", counted=True, drop_open=True)
    return bed.upstream.clear_fault


# ── on the way ───────────────────────────────────────────────────────────────────────────────────────────────────


def path(**changes: Any) -> Act:
    """Change the path of these instances: all of them are behind one proxy."""

    def act(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
        proxy = bed.proxies[bed.paths.index(list(names))]
        before = {"latency_ms": 0.0, "slice_bytes": None, "bandwidth_bytes_per_s": None}
        proxy.set(**changes)
        return lambda: proxy.set(**before)

    return act


slow = path(latency_ms=100.0)  # in each direction
narrow = path(bandwidth_bytes_per_s=8000.0)
sliced = path(slice_bytes=1)


def blackhole(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    """Nothing comes through; what was on its way is lost when the path is back, as behind a new address."""
    proxy = bed.proxies[bed.paths.index(list(names))]
    proxy.set(blackhole=True)

    def lift() -> None:
        proxy.cut("reset")
        proxy.set(blackhole=False)

    return lift


# ── in the server ────────────────────────────────────────────────────────────────────────────────────────────────


def kill(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    for name in names:
        bed.kill(f"instance {name}")
    return nothing


def stop(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    """They hang: nothing wakes them but the watchdog."""
    for name in names:
        bed.kill(f"instance {name}", signal.SIGSTOP)
    return nothing


def restart(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    for name in names:
        bed.client.call("POST", f"/api/v1/instances/{name}/restart")
    return nothing


def restart_unanswered(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    lift = fault("no_close_reply")(bed, names, draw)
    restart(bed, names, draw)
    return lift


def kill_group(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    bed.kill(bed.group_of(names[0]))
    return nothing


def kill_part(part: str) -> Act:
    def act(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
        bed.kill(part)
        return nothing

    return act


def pause(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    """The launcher and everything below it stand still, as on a machine that was suspended."""
    everyone = [bed.launcher, *descendants(bed.launcher.pid)]
    for process in everyone:
        process.send(signal.SIGSTOP)

    def lift() -> None:
        for process in reversed(everyone):
            process.send(signal.SIGCONT)

    return lift


def burn(bed: Bed, names: Sequence[str], draw: random.Random) -> Lift:
    """One busy process for each processor of the machine."""
    count = os.cpu_count() or 1
    bed.burners += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]

    def lift() -> None:
        for burner in bed.burners:
            burner.kill()
            burner.wait()
        bed.burners.clear()

    return lift
