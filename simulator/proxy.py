"""The fault proxy: TCP through it can be slow, sliced, stuck, cut, or half closed; also an HTTP CONNECT proxy."""

import asyncio
from collections import Counter

from simulator.doorway import Doorway
from simulator.proxy_spec import CutSpec, ProxySettings
from simulator.tunnel import Tunnel
from simulator.views import ProxyStats

COUNTED = (
    "connections",
    "tunnels",
    "rejected",
    "unreachable",
    "broken",
    "bytes_to_target",
    "bytes_to_client",
)


class Proxy:
    """Listens from `start` to `stop`. Raises OSError when the port is taken."""

    def __init__(self, settings: ProxySettings, host: str, port: int) -> None:
        self.settings = settings
        self._door = Doorway(host, port, None)
        self._gate = asyncio.Event()
        self._tunnels: dict[asyncio.Task[None], Tunnel] = {}
        self._counts: Counter[str] = Counter()
        self._targets: Counter[str] = Counter()

    @property
    def port(self) -> int:
        return self._door.port

    async def start(self) -> None:
        self.set(self.settings)
        await self._door.set_open(True, self._connect)

    def stop(self) -> None:
        self._door.close()
        for task in self._tunnels:
            task.cancel()

    def set(self, settings: ProxySettings) -> None:
        """Put settings in force, for open connections too."""
        self.settings = settings
        for tunnel in self._tunnels.values():
            tunnel.settings = settings
        if settings.blackhole:
            self._gate.clear()
        else:
            self._gate.set()

    def cut(self, spec: CutSpec) -> int:
        """How many connections were cut."""
        tunnels = list(self._tunnels.items())
        for task, tunnel in tunnels:
            if spec.how == "half_close":
                tunnel.half_close(spec.toward)
            else:
                tunnel.end(reset=spec.how == "reset")
                task.cancel()
        return len(tunnels)

    def stats(self) -> ProxyStats:
        return ProxyStats(
            port=self.port,
            settings=self.settings.shown(),
            connections_now=len(self._tunnels),
            targets=dict(self._targets),
            **{name: self._counts[name] for name in COUNTED},
        )

    def _connect(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._accepted)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._counts["connections"] += 1
        tunnel = Tunnel(reader, writer, self.settings, self._gate, self._counts, self._targets)
        task = asyncio.create_task(tunnel.run())
        self._tunnels[task] = tunnel
        task.add_done_callback(self._tunnels.pop)
