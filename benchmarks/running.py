"""A real server with instances on a simulated upstream, for as long as a measurement takes."""

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client import Client
from cli.demo_server import running_server
from cli.folder import Place
from cli.request import Request
from core.instances import Desired, InstanceConfig, LinkKind
from core.records import InstanceRecord
from simulator.client import Listener, Simulator
from store.registry import Registry, open_registry

DEADLINE_S = 60.0
POLL_S = 0.05

# The gate's pace is a promise to upstreams, not a cost; everything else is as delivered.
SETTINGS = """\
[gate]
connect_rate = 1000
"""


@dataclass(frozen=True, slots=True)
class Bed:
    """`client`: of the running server, with the admin's token; `upstream`: what its instances dial."""

    client: Client
    place: Place
    token: str
    upstream: Listener

    def instances(self) -> list[dict[str, Any]]:
        return self.client.all_pages("/api/v1/instances", {"limit": 100})

    def wait_open(self, count: int) -> list[dict[str, Any]]:
        """The instances once `count` of them are open."""

        def enough() -> list[dict[str, Any]]:
            seen = self.instances()
            return seen if sum(one["link_state"] == "open" for one in seen) >= count else []

        opened: list[dict[str, Any]] = wait_for(enough, f"{count} open instances")
        return opened


def names(count: int) -> list[str]:
    return [f"bench{number:03}" for number in range(count)]


@contextmanager
def bed(instances: int, settings: str = SETTINGS, ack_field: str | None = None) -> Iterator[Bed]:
    """A fresh server with this many open instances; everything ends with the block. `settings`: of a TOML file."""
    with (
        tempfile.TemporaryDirectory(prefix="sambung-bench-") as folder,
        Simulator.spawn() as simulator,
        server_in(Path(folder), simulator.listener(), names(instances), settings, ack_field) as made,
    ):
        made.wait_open(instances)
        yield made


@contextmanager
def server_in(
    folder: Path,
    upstream: Listener,
    wanted: Sequence[str],
    settings: str = SETTINGS,
    ack_field: str | None = None,
) -> Iterator[Bed]:
    """A server that finds these instances in its registry, as after a restart."""
    place = Place.choose(folder)
    place.data.create()
    register(place, upstream, wanted, ack_field)
    config = folder / "bench.toml"
    config.write_text(settings)
    token = "sbg_" + secrets.token_urlsafe(32)
    with running_server(Request(folder, config, "127.0.0.1", 0), place, token) as client:
        yield Bed(client, place, token, upstream)


def register(place: Place, upstream: Listener, wanted: Sequence[str], ack_field: str | None = None) -> None:
    engine = open_registry(place.data.registry_url, time.time())
    registry = Registry(engine)
    for name in wanted:
        config = InstanceConfig(LinkKind.WEBSOCKET, upstream.url_of(name), ack_field=ack_field)
        registry.save(InstanceRecord(name, config, Desired.CONNECTED, created_at=time.time()))
    engine.dispose()


def wait_for(probe: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The first true value of the probe; TimeoutError names `what`."""
    end_s = time.monotonic() + deadline_s
    while not (value := probe()):
        if time.monotonic() > end_s:
            raise TimeoutError(f"{what}: not within {deadline_s:g} s")
        time.sleep(POLL_S)
    return value
