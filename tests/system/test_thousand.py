"""A thousand instances on one host: all come up, heartbeats cost little, one stop leaves nothing behind."""

import time
from pathlib import Path

import psutil
import pytest
from server import Server, running, wait_for

from core.instances import Desired, InstanceConfig, LinkKind
from core.records import InstanceRecord
from simulator.client import Listener, Simulator
from store.layout import DataDir
from store.registry import Registry, open_registry

pytestmark = [pytest.mark.serial, pytest.mark.slow, pytest.mark.timeout(1200)]

COUNT = 1000
IDS = [f"t{number:04}" for number in range(COUNT)]
STABLE_S = 10.0  # shorter than by default: a link that becomes stable writes it down, which is no rest
LOOK_S = 0.5
QUIET_S = 30.0
MOST_CPU = 0.25  # of the machine


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
        began = time.monotonic()
        assert server.stop(20.0) == 0
        stop_s = time.monotonic() - began
        print(f"stopped after {stop_s:.1f} s")
        assert share <= MOST_CPU
        assert stop_s <= 10.0
