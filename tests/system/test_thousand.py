"""A thousand instances on one host: all come up, heartbeats cost little, a restart of their upstream (row 14) brings
all back at the gate's rate, one stop leaves nothing behind.

    python3 run.py test tests/system/test_thousand.py --slow -rP              # with the figures; seven minutes
    FLEET=60 python3 run.py test tests/system/test_thousand.py --slow -rP     # the same with fewer, to try it
"""

import os
import time
from pathlib import Path

import psutil
import pytest
from server import Server, running, wait_for

from core.config import GateSettings
from core.instances import Desired, InstanceConfig, LinkKind
from core.records import InstanceRecord
from simulator.client import Listener, Simulator
from store.layout import DataDir
from store.registry import Registry, open_registry

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(1200)]

COUNT = int(os.environ.get("FLEET", "1000"))
IDS = [f"t{number:04}" for number in range(COUNT)]
STABLE_S = 10.0  # shorter than by default: a link that becomes stable writes it down, which is no rest
LOOK_S = 0.5
QUIET_S = 30.0
MOST_CPU = 0.25  # of the machine
RATE = GateSettings().connect_rate
RESTART_S = 3.0  # how long the upstream is away
BACK_S = 90.0  # 99 % of a thousand; the rate alone needs 66


def register(data: Path, upstream: Listener) -> None:
    """As after a restart: the server finds all of them in its registry."""
    folder = DataDir(data)
    folder.create()
    engine = open_registry(folder.registry_url, time.time())
    registry = Registry(engine)
    for name in IDS:
        config = InstanceConfig(LinkKind.WEBSOCKET, upstream.url_of(name))
        registry.save(InstanceRecord(name, config, Desired.CONNECTED, created_at=time.time()))
    engine.dispose()


def cpu_s(server: Server) -> float:
    """Processor time of all its processes so far."""
    used = 0.0
    for pid in server.processes():
        times = psutil.Process(pid).cpu_times()
        used += times.user + times.system
    return used


def upstream_restarts(upstream: Listener) -> None:
    """Row 14: all connections end at once, nobody can connect for a moment, then everybody wants to."""
    upstream.reset_stats()
    began_s = time.monotonic()
    upstream.set_fault("refuse", counted=True, drop_open=True)
    time.sleep(RESTART_S)
    upstream.clear_fault()
    healed_s = time.monotonic()
    back_s: dict[int, float] = {}
    for wanted in (-(-99 * COUNT // 100), COUNT):
        wait_for(lambda n=wanted: connected(upstream) >= n, 300.0, lambda: f"{connected(upstream)} are back")  # type: ignore[misc]
        back_s[wanted] = time.monotonic() - healed_s
    seen, lasted_s = upstream.totals(), time.monotonic() - began_s
    print(
        f"row 14: {', '.join(f'{count} back {took_s:.1f} s' for count, took_s in back_s.items())} after the upstream "
        f"was; {seen.dials} dials, at most {seen.dials_per_s_max} in one second"
    )
    assert min(back_s.values()) <= BACK_S
    # As in row 12: what a full bucket holds, what flows into it, and a canary at most each second.
    assert seen.dials_per_s_max <= 2 * RATE + 1
    assert seen.dials <= RATE + RATE * lasted_s + RESTART_S + 1
    assert seen.sessions_max <= COUNT, "never two of one instance"


def connected(upstream: Listener) -> int:
    """Sessions that the upstream has; asked now and then only."""
    time.sleep(LOOK_S)
    return upstream.totals().sessions_now


def test_a_thousand_instances_connect_rest_and_stop(tmp_path: Path, simulator: Simulator) -> None:
    upstream = simulator.listener()
    register(tmp_path, upstream)
    settings = {"limits__max_instances": str(COUNT), "retry__stable_after_s": str(STABLE_S)}
    with running(tmp_path, **settings) as server:
        began = time.monotonic()

        def health() -> dict[str, object]:
            time.sleep(LOOK_S)  # whoever looks all the time takes the processors that the server needs
            data: dict[str, object] = server.call("GET", "/health").data
            return data

        wait_for(lambda: health()["active_connections"] == COUNT, 300.0, lambda: str(health()))
        up_s = time.monotonic() - began
        seen = health()
        assert (seen["total_instances"], seen["health_score"]) == (COUNT, 100), seen
        assert upstream.totals().sessions_max <= COUNT
        time.sleep(2 * STABLE_S)
        before_s, began = cpu_s(server), time.monotonic()
        time.sleep(QUIET_S)
        share = (cpu_s(server) - before_s) / (time.monotonic() - began) / (psutil.cpu_count() or 1)
        print(f"all open after {up_s:.1f} s; at rest {100 * share:.1f} % of the machine")
        upstream_restarts(upstream)
        wait_for(lambda: health()["health_score"] == 100, 30.0, lambda: str(health()))
        time.sleep(STABLE_S)
        began = time.monotonic()
        assert server.stop(20.0) == 0
        stop_s = time.monotonic() - began
        print(f"stopped after {stop_s:.1f} s")
        assert share <= MOST_CPU
        assert stop_s <= 10.0
