"""The bed of a soak: a simulator, a real server with its default settings, and instances on three ways to one upstream.

Half of the instances dial the upstream itself, a quarter each through one of two fault proxies: a proxy is a path
that can be slow, sliced or dead for everybody on it, and for the server an upstream of its own.
"""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from cli.client import Client
from cli.demo_server import running_server
from cli.folder import Place, launcher_of
from cli.processes import Process, descendants
from cli.request import Request
from core.instances import Desired, InstanceConfig, LinkKind
from core.records import InstanceRecord
from simulator.client import Listener, Proxy, Simulator
from store.registry import Registry, open_registry

TITLE = "sambung: "
OPEN_S = 300.0
API_S = 10.0


@dataclass(slots=True)
class Bed:
    """`paths`: the instances behind each proxy; `launcher`: the server's first process. `burners`: of `faults.burn`."""

    client: Client
    simulator: Simulator
    upstream: Listener
    proxies: list[Proxy]
    paths: list[list[str]]
    ids: list[str]
    launcher: Process
    token: str = field(repr=False)
    burners: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def instances(self) -> dict[str, dict[str, Any]]:
        """What the API says of every instance."""
        shown = self.client.all_pages("/api/v1/instances", {"limit": 500})
        return {one["id"]: one for one in shown}

    def processes(self) -> dict[str, Process]:
        """Every process below the launcher, by its part: "root", "group g1", "instance s001"; nameless ones by pid."""
        return {part_of(process.pid): process for process in descendants(self.launcher.pid)}

    def group_of(self, name: str) -> str:
        """The part that supervises an instance."""
        found = self.processes()[f"instance {name}"]
        return part_of(psutil.Process(found.pid).ppid())

    def below(self, part: str) -> list[str]:
        """The instances whose processes are below this part."""
        parts = [part_of(one.pid) for one in descendants(self.processes()[part].pid)]
        return sorted(one.removeprefix("instance ") for one in parts if one.startswith("instance "))

    def kill(self, part: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal one part of the server; LookupError when it is not there."""
        self.processes()[part].send(number)

    def wait_open(self) -> None:
        """Until every instance is open; TimeoutError says which is not."""
        end_s = time.monotonic() + OPEN_S
        while waiting := [n for n, one in self.instances().items() if one["link_state"] != "open"]:
            if time.monotonic() > end_s:
                raise TimeoutError(f"not open after {OPEN_S:g} s: {', '.join(waiting[:5])}")
            time.sleep(0.5)


def part_of(pid: int) -> str:
    """A process's part of the server; its pid where the title says none."""
    with suppress(psutil.Error):
        title = " ".join(psutil.Process(pid).cmdline()).strip()
        if title.startswith(TITLE):
            return title.removeprefix(TITLE)
    return f"pid {pid}"


@contextmanager
def made(count: int, settings: str = "", *, direct: bool = False) -> Iterator[Bed]:
    """A fresh server with this many instances, all open; everything ends with the block.

    `settings`: of a TOML file; `direct`: no proxies.
    """
    with tempfile.TemporaryDirectory(prefix="sambung-soak-") as fresh, Simulator.spawn() as simulator:
        place = Place.choose(Path(fresh))
        place.data.create()
        upstream = simulator.listener()
        proxies = [simulator.proxy(upstream.port) for _ in range(2)]
        ids = [f"s{number:04}" for number in range(1, count + 1)]
        paths = [[], []] if direct else [ids[count // 2 : count * 3 // 4], ids[count * 3 // 4 :]]
        ports = {name: proxy.port for proxy, names in zip(proxies, paths, strict=True) for name in names}
        register(place, {name: url_of(upstream, name, ports.get(name)) for name in ids})
        config = place.data.root / "soak.toml"
        config.write_text(f"[limits]\nmax_instances = {max(200, count)}\n{settings}")
        token = "sbg_" + secrets.token_urlsafe(32)
        request = Request(place.data.root, config, "127.0.0.1", free_port())
        with without_overrides(), running_server(request, place, token) as client:
            launcher = launcher_of(place)
            assert launcher is not None
            api = Client(client.url, token, API_S)
            bed = Bed(api, simulator, upstream, proxies, paths, ids, launcher, token)
            try:
                bed.wait_open()
                yield bed
            finally:
                for burner in bed.burners:
                    burner.kill()
                    burner.wait()


def free_port() -> int:
    """One that nobody listens on now: a web process that was killed has to come back where it was."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def without_overrides() -> Iterator[None]:
    """Tested is what is delivered, not what this shell is set to."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("SAMBUNG_") and "__" in name}
    for name in kept:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(kept)


def url_of(upstream: Listener, name: str, port: int | None) -> str:
    direct = upstream.url_of(name)
    return direct if port is None else direct.replace(f":{upstream.port}/", f":{port}/")


def register(place: Place, urls: Mapping[str, str]) -> None:
    """As after a restart: the server finds its instances in the registry. Received events are acknowledged."""
    engine = open_registry(place.data.registry_url, time.time())
    registry = Registry(engine)
    for name, url in urls.items():
        config = InstanceConfig(LinkKind.WEBSOCKET, url, ack_field="id")
        registry.save(InstanceRecord(name, config, Desired.CONNECTED, created_at=time.time()))
    engine.dispose()
